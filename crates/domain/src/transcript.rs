//! What was asked and answered in a turn, round by round.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::usage::{Cost, Usage};

/// One of the two conversations of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The day in the app, with tools.
    Main,
    /// The rating, without.
    Rating,
}

impl Phase {
    /// The name in records and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Rating => "rating",
        }
    }
}

/// What a phase opened with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// The system prompt.
    pub system: String,
    /// The first user message.
    pub user: String,
    /// The tools on offer, by their dotted names.
    pub tools: Vec<String>,
    /// The most rounds that the plugin wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rounds: Option<u32>,
    /// The most tokens of a reply, as it was configured then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// JSON Schema that the model is held to, where it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_schema: Option<Value>,
}

/// One model reply, as far as a reader needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// All text of the reply.
    pub text: String,
    /// The tools that it asked for.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ended, in the API's words.
    pub stop_reason: String,
    /// The model that answered.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// Money, if the price is known.
    pub cost: Cost,
    /// Milliseconds from request to last byte.
    pub latency_ms: u32,
}

/// A model's wish to call a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that pairs it with its result.
    pub id: String,
    /// Dotted name, or whatever the model invented.
    pub tool: String,
    /// The arguments.
    pub input: Value,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolAnswer {
    /// The text that the model is given.
    pub text: String,
    /// The tool says that it failed.
    pub is_error: bool,
}
