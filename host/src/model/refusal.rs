//! The API's own words for an error, and what they are about.

use std::fmt;
use std::time::Duration;

/// The API's own words for an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; `None` for an error inside a stream, which began with 200.
    pub status: Option<u16>,
    /// The kind, such as `invalid_request_error`; empty when the body names none.
    pub kind: String,
    /// A finer word, such as `enforced_spend_limit_reached`.
    pub error_code: Option<String>,
    /// The API's sentence, or the beginning of a body that is no API error.
    pub message: String,
    /// The API's id of the request.
    pub request_id: Option<String>,
    /// How long the API asks to wait.
    pub retry_after: Option<Duration>,
    /// What the API says about repeating (`x-should-retry`).
    pub should_retry: Option<bool>,
}

impl Refusal {
    /// The money that may be spent is spent: nothing works until a person changes that.
    #[must_use]
    pub fn is_spend_limit(&self) -> bool {
        matches!(
            self.error_code.as_deref(),
            Some("enforced_spend_limit_reached" | "contract_spend_limit_reached")
        )
    }

    /// What the error is about, whether it came as a status or inside a stream.
    pub(super) fn subject(&self) -> Subject {
        if self.is_spend_limit() {
            return Subject::Spending;
        }
        match (self.status, self.kind.as_str()) {
            (Some(401), _) | (None, "authentication_error") => Subject::Key,
            (Some(402), _) | (None, "billing_error") => Subject::Billing,
            (Some(403), _) | (None, "permission_error") => Subject::Permission,
            (Some(404), _) | (None, "not_found_error") => Subject::NotFound,
            (Some(413), _) | (None, "request_too_large") => Subject::TooLarge,
            (Some(429), _) | (None, "rate_limit_error") => Subject::RateLimit,
            (Some(529), _) | (None, "overloaded_error") => Subject::Overload,
            (Some(408 | 409 | 500..), _) | (None, "api_error" | "timeout_error") => Subject::Server,
            _ => Subject::Request,
        }
    }
}

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Key,
    Billing,
    Permission,
    NotFound,
    TooLarge,
    RateLimit,
    Spending,
    Overload,
    Server,
    Request,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| format!("HTTP {status}"));
        let words = [status.as_deref(), Some(self.kind.as_str()), self.error_code.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
        write!(f, "{} — {}{}", words.join(" "), self.message, RequestId(&self.request_id))
    }
}

/// The API's id of a request, at the end of a sentence.
pub(super) struct RequestId<'a>(pub(super) &'a Option<String>);

impl fmt::Display for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |id| write!(f, " (request-id {id})"))
    }
}
