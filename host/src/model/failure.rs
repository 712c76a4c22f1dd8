//! What one attempt of a call to Claude met, and what that says of Claude.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::refusal::{Refusal, RequestId, Subject};
use domain::code::Code;

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
            Self::Refused(refusal) | Self::BrokeOff(refusal) => match refusal.subject() {
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
            Self::Incomplete { .. } => Code::ClaudeReplyIncomplete,
            Self::Silent { .. } => Code::ClaudeSilent,
            Self::NoContent { .. } => Code::ClaudeNoContent,
            Self::Unreachable { .. } => Code::ClaudeUnreachable,
            Self::Unreadable { .. } => Code::ClaudeUnreadable,
            Self::Away { .. } => Code::ClaudeAway,
            Self::Stopping => Code::ClaudeStopping,
            Self::Unrecorded { .. } => Code::NotRecorded,
            Self::Options { .. } => Code::ClaudeOptions,
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
