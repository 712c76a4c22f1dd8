//! Why a call to Claude gave no reply, and what to do about it.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};

use domain::code::Code;
use domain::fault::NOT_RECORDED_HINT;

/// A call that failed, after every attempt that made sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{failure}{}", AfterAttempts(*attempts))]
pub struct ModelError {
    /// What the last attempt met.
    pub failure: Failure,
    /// How often the request was sent.
    pub attempts: u32,
    /// It would have been sent again, but the program stops.
    pub is_stopped: bool,
}

/// What one attempt met.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The API answered with an error.
    #[error("Claude refused the request: {0}")]
    Refused(Refusal),
    /// The API began to reply and then told of an error.
    #[error("Claude broke off its reply: {0}")]
    BrokeOff(Refusal),
    /// The stream ended, or made no sense, before the reply was whole.
    #[error("Claude's reply did not arrive whole: {what}{}", RequestId(request_id))]
    Incomplete {
        /// What happened.
        what: String,
        /// The API's id of the request.
        request_id: Option<String>,
    },
    /// The other side was silent for too long.
    #[error("Claude at {url} was silent for {}", humantime::format_duration(*after))]
    Silent {
        /// The URL of the request.
        url: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The other side said something all the time, but nothing that belongs to a reply.
    #[error("Claude at {url} sent signs of life for {} and no content{}", humantime::format_duration(*after), RequestId(request_id))]
    NoContent {
        /// The URL of the request.
        url: String,
        /// How long content was waited for.
        after: Duration,
        /// The API's id of the request.
        request_id: Option<String>,
    },
    /// No connection.
    #[error("cannot reach Claude at {url}: {cause}")]
    Unreachable {
        /// The URL of the request.
        url: String,
        /// Why, from the outermost to the innermost cause.
        cause: String,
    },
    /// Something answers at the URL, but it is no Messages API, or its reply is beyond our limits.
    #[error("the answer of {url} cannot be read: {what}{}", RequestId(request_id))]
    Unreadable {
        /// The URL of the request.
        url: String,
        /// What is wrong with it.
        what: String,
        /// The API's id of the request.
        request_id: Option<String>,
    },
    /// Nothing was sent: Claude is left alone for a while.
    #[error("nothing is sent to Claude before {}: {why}", until.format("%Y-%m-%d %H:%M:%S UTC"))]
    Away {
        /// Why.
        why: String,
        /// Until then.
        until: DateTime<Utc>,
        /// Nobody sends anything, and not only those who ask the same family of models.
        by_all: bool,
    },
    /// Nothing was sent: the program stops.
    #[error("nothing is sent to Claude any more: persona-host is stopping")]
    Stopping,
    /// It is asked of a recording, which does not have it.
    #[error("{why}")]
    Unrecorded {
        /// How it differs from what was recorded.
        why: String,
    },
    /// The request could not be built out of the options.
    #[error("the request to Claude cannot be built: {what}")]
    Options {
        /// Which option, and what is wrong with it.
        what: String,
    },
}

impl Failure {
    /// The same, with the other side's words changed so.
    pub(super) fn in_words(self, change: impl Fn(&str) -> String) -> Self {
        let of = |refusal: Refusal| Refusal {
            kind: change(&refusal.kind),
            error_code: refusal.error_code.as_deref().map(&change),
            message: change(&refusal.message),
            request_id: refusal.request_id.as_deref().map(&change),
            ..refusal
        };
        match self {
            Self::Refused(refusal) => Self::Refused(of(refusal)),
            Self::BrokeOff(refusal) => Self::BrokeOff(of(refusal)),
            Self::Incomplete { what, request_id } => Self::Incomplete { what: change(&what), request_id },
            Self::Unreadable { url, what, request_id } => {
                Self::Unreadable { url, what: change(&what), request_id }
            }
            other => other,
        }
    }
}

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
    fn subject(&self) -> Subject {
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

enum Subject {
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

/// What a failure says of Claude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// We ask too much.
    RateLimit,
    /// Everybody asks too much.
    Overloaded,
    /// It does its work, and does not like this request.
    Works,
    /// It does its work, and has no such model for this key; others may work.
    NoModel,
    /// It does not do its work.
    Outage,
    /// Nothing will work until a person does something about it, whatever is asked.
    Halt,
    /// Nothing.
    Nothing,
}

impl Failure {
    /// The word of its code, for records and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.fault_code().word()
    }

    /// What happened, as one of the codes.
    #[must_use]
    pub fn fault_code(&self) -> Code {
        match self {
            Failure::Refused(refusal) | Failure::BrokeOff(refusal) => match refusal.subject() {
                Subject::Key => Code::ClaudeKeyRefused,
                Subject::Billing => Code::ClaudeBilling,
                Subject::Permission => Code::ClaudePermission,
                Subject::NotFound => Code::ClaudeNotFound,
                Subject::TooLarge => Code::ClaudeRequestTooLarge,
                Subject::RateLimit => Code::ClaudeRateLimit,
                Subject::Spending => Code::ClaudeSpendLimit,
                Subject::Overload => Code::ClaudeOverloaded,
                Subject::Server => Code::ClaudeServerError,
                Subject::Request => Code::ClaudeRequestRefused,
            },
            Failure::Incomplete { .. } => Code::ClaudeReplyIncomplete,
            Failure::Silent { .. } => Code::ClaudeSilent,
            Failure::NoContent { .. } => Code::ClaudeNoContent,
            Failure::Unreachable { .. } => Code::ClaudeUnreachable,
            Failure::Unreadable { .. } => Code::ClaudeUnreadable,
            Failure::Away { .. } => Code::ClaudeAway,
            Failure::Stopping => Code::ClaudeStopping,
            Failure::Unrecorded { .. } => Code::NotRecorded,
            Failure::Options { .. } => Code::ClaudeOptions,
        }
    }

    pub(super) fn tells(&self) -> Tells {
        match self {
            Self::Refused(refusal) | Self::BrokeOff(refusal) => match refusal.subject() {
                Subject::RateLimit => Tells::RateLimit,
                Subject::Overload => Tells::Overloaded,
                Subject::Server => Tells::Outage,
                Subject::Key | Subject::Billing | Subject::Spending => Tells::Halt,
                Subject::Permission | Subject::NotFound => Tells::NoModel,
                Subject::TooLarge | Subject::Request => Tells::Works,
            },
            Self::Incomplete { .. }
            | Self::Silent { .. }
            | Self::NoContent { .. }
            | Self::Unreachable { .. }
            | Self::Unreadable { .. } => Tells::Outage,
            Self::Away { .. } | Self::Stopping | Self::Unrecorded { .. } | Self::Options { .. } => {
                Tells::Nothing
            }
        }
    }

    /// The request may have been carried out, and its reply paid for, although it did not arrive.
    #[must_use]
    pub fn is_maybe_paid(&self) -> bool {
        matches!(
            self,
            Self::BrokeOff(_) | Self::Incomplete { .. } | Self::Silent { .. } | Self::NoContent { .. }
        )
    }

    /// How long the API asks to wait.
    pub(super) fn asked(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) | Self::BrokeOff(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

impl ModelError {
    /// The word of its code, for records and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.failure.code()
    }

    /// What happened, as one of the codes.
    #[must_use]
    pub fn fault_code(&self) -> Code {
        self.failure.fault_code()
    }

    /// The server does not take an enforced format. There is no word for that but in its sentence.
    #[must_use]
    pub fn is_format_refused(&self) -> bool {
        let names_it = |refusal: &Refusal| refusal.message.contains("output_config");
        matches!(&self.failure, Failure::Refused(refusal) if refusal.status == Some(400) && names_it(refusal))
    }

    /// Whether tokens of it may be charged although nothing came of them: the model may have begun to reply.
    #[must_use]
    pub fn may_be_billed(&self) -> bool {
        match &self.failure {
            Failure::Refused(_)
            | Failure::Unreachable { .. }
            | Failure::Away { .. }
            | Failure::Stopping
            | Failure::Unrecorded { .. }
            | Failure::Options { .. } => false,
            Failure::BrokeOff(_)
            | Failure::Incomplete { .. }
            | Failure::Silent { .. }
            | Failure::NoContent { .. }
            | Failure::Unreadable { .. } => true,
        }
    }

    /// Claude does not do its work, or nothing can be asked of it for now: that is no fault of this turn.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self.failure.tells(), Tells::Outage | Tells::Halt | Tells::Overloaded)
    }

    /// Nobody failed: the gate lets no call through meanwhile, and holds back itself who would come there.
    #[must_use]
    pub fn is_held_by_the_gate(&self) -> bool {
        // What may have been paid for counts, or it would be paid for again without end.
        matches!(self.failure, Failure::Away { .. })
            || matches!(self.failure.tells(), Tells::RateLimit | Tells::Overloaded | Tells::NoModel)
                && !self.failure.is_maybe_paid()
    }

    /// Every other persona would meet the same, so a tick need not go on.
    #[must_use]
    pub fn stops_tick(&self) -> bool {
        match &self.failure {
            Failure::Refused(refusal) | Failure::BrokeOff(refusal) => {
                matches!(refusal.subject(), Subject::Key | Subject::Billing | Subject::Spending)
            }
            Failure::Unreachable { .. } | Failure::Options { .. } => true,
            Failure::Away { by_all, .. } => *by_all,
            Failure::Incomplete { .. }
            | Failure::Silent { .. }
            | Failure::NoContent { .. }
            | Failure::Stopping
            | Failure::Unrecorded { .. }
            | Failure::Unreadable { .. } => false,
        }
    }

    /// What to do about it, where a person can do something.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match &self.failure {
            Failure::Refused(refusal) | Failure::BrokeOff(refusal) => match refusal.subject() {
                Subject::Key => "set ANTHROPIC_API_KEY to a valid key of the Claude API",
                Subject::Billing => "check the payment details of the organization in the Claude Console",
                Subject::Permission => {
                    "the key may not use this model or endpoint: use another key or another model"
                }
                Subject::NotFound => {
                    "check the model's name, and that ANTHROPIC_BASE_URL is the address without /v1"
                }
                Subject::TooLarge => "offer fewer tools, or shorten the prompts and the tool results",
                Subject::RateLimit => "lower PERSONA_CONCURRENCY, or ask for higher rate limits",
                Subject::Spending => {
                    "raise the spend limit in the Claude Console, or wait for the next month"
                }
                Subject::Request => {
                    "the message says what the API does not accept; see the strategy's prompts"
                }
                Subject::Overload | Subject::Server => return None,
            },
            Failure::Unreachable { .. } => "check ANTHROPIC_BASE_URL and that the server runs",
            Failure::Silent { .. } => "a slow local model needs a longer `model.idle_timeout`",
            Failure::NoContent { .. } => {
                "a model that thinks long before it says anything needs a longer `model.idle_timeout`"
            }
            Failure::Unreadable { .. } => "check that ANTHROPIC_BASE_URL names a server of the Messages API",
            Failure::Options { .. } => "correct the option; a key read from a file must have no line break",
            Failure::Unrecorded { .. } => NOT_RECORDED_HINT,
            Failure::Away { .. } => "it is tried again by itself; `/health` and the log say why",
            Failure::Incomplete { .. } | Failure::Stopping => return None,
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| format!("HTTP {status}"));
        let words = [status.as_deref(), Some(self.kind.as_str()), self.error_code.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
        write!(f, "{} — {}{}", words.join(" "), self.message, RequestId(&self.request_id))
    }
}

struct RequestId<'a>(&'a Option<String>);

impl fmt::Display for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |id| write!(f, " (request-id {id})"))
    }
}

struct AfterAttempts(u32);

impl fmt::Display for AfterAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 1 { write!(f, ", after {} attempts", self.0) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: impl Into<Option<u16>>, kind: &str, error_code: Option<&str>) -> Refusal {
        Refusal {
            status: status.into(),
            kind: kind.to_owned(),
            error_code: error_code.map(str::to_owned),
            message: "Because.".to_owned(),
            ..Refusal::default()
        }
    }

    #[test]
    fn each_error_has_its_code_and_stops_the_tick_only_if_all_would_meet_it() {
        let spent = Some("enforced_spend_limit_reached");
        let rows = [
            (refusal(400, "invalid_request_error", None), "claude-request-refused", false),
            (refusal(401, "authentication_error", None), "claude-key-refused", true),
            (refusal(402, "billing_error", None), "claude-billing", true),
            (refusal(403, "permission_error", None), "claude-permission", false),
            (refusal(404, "not_found_error", None), "claude-not-found", false),
            (refusal(404, "", None), "claude-not-found", false),
            (refusal(413, "request_too_large", None), "claude-request-too-large", false),
            (refusal(429, "rate_limit_error", None), "claude-rate-limit", false),
            (refusal(429, "rate_limit_error", spent), "claude-spend-limit", true),
            (refusal(None, "rate_limit_error", None), "claude-rate-limit", false),
            (refusal(500, "api_error", None), "claude-server-error", false),
            (refusal(529, "overloaded_error", None), "claude-overloaded", false),
            (refusal(None, "overloaded_error", None), "claude-overloaded", false),
            (refusal(None, "brand_new_error", None), "claude-request-refused", false),
        ];
        for (refusal, code, stops_tick) in rows {
            let error = ModelError { failure: Failure::Refused(refusal), attempts: 1, is_stopped: false };
            assert_eq!((error.code(), error.stops_tick()), (code, stops_tick), "{error}");
        }
    }

    #[test]
    fn the_message_says_status_kind_words_and_request_id() {
        let mut refusal = refusal(429, "rate_limit_error", Some("ramp_limit_exceeded"));
        refusal.request_id = Some("req_1".to_owned());
        let error = ModelError { failure: Failure::Refused(refusal), attempts: 5, is_stopped: false };
        assert_eq!(
            error.to_string(),
            "Claude refused the request: HTTP 429 rate_limit_error ramp_limit_exceeded — Because. \
             (request-id req_1), after 5 attempts"
        );
    }
}
