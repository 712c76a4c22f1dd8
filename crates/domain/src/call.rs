//! A tool call as its journal has it: what was about to be done, and what came of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::ActionStatus;
use super::transcript::ToolAnswer;

/// What is told of a call of which nothing is known but that it was begun.
pub const ANSWER_LOST: &str = "the answer was lost";

/// A tool call before it is made: enough to make an action of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallIntent {
    /// The id that pairs the call with its result.
    pub id: String,
    /// Dotted name, or whatever the model invented.
    pub tool: String,
    /// The tool's module.
    pub module: String,
    /// The arguments.
    pub input: Value,
}

/// What came of a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// What the model is told.
    #[serde(flatten)]
    pub answer: ToolAnswer,
    /// Nobody knows whether the tool did it, and the model is told that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// From the call to its answer, in milliseconds; nothing, if it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
}

impl Called {
    /// The tool answered.
    #[must_use]
    pub fn answered(answer: ToolAnswer) -> Self {
        Self { answer, unknown: false, latency_ms: None }
    }

    /// It was not called, and the model is told why.
    #[must_use]
    pub fn refused(why: impl Into<String>) -> Self {
        Self::answered(ToolAnswer { text: why.into(), is_error: true })
    }

    /// It was called, and what it did is not known.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { unknown: true, ..Self::refused(why) }
    }

    /// What is kept of it with the action, and why it is not well.
    #[must_use]
    pub fn status(self) -> (ActionStatus, Option<String>) {
        match self {
            Self { unknown: true, answer, .. } => (ActionStatus::Unknown, Some(answer.text)),
            Self { answer: ToolAnswer { is_error: true, text }, .. } => (ActionStatus::Error, Some(text)),
            _ => (ActionStatus::Ok, None),
        }
    }
}
