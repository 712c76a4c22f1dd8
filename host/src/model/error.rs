//! Why a call to Claude gave no reply, and what to do about it.

use std::fmt;

use super::failure::{Failure, Tells};
use super::refusal::{Refusal, Subject};
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
