//! What Claude answered: raw blocks, kept word for word, and the typed view of them.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use domain::usage::{Cost, Usage};

/// One whole reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reply {
    /// The message's id; empty when the server gave none.
    pub id: String,
    /// The API's id of the request, for its support.
    pub request_id: Option<String>,
    /// The model that answered.
    pub model: String,
    /// What it says.
    #[serde(flatten)]
    pub said: Said,
    /// Tokens.
    pub usage: Usage,
    /// Why nothing was read from the cache that the conversation wrote before, where the API says so.
    pub cache_miss: Option<String>,
    /// Money, if the model's price is known.
    pub cost: Cost,
    /// The date of the price table that the cost was worked out with.
    pub price_table: &'static str,
    /// How often the request was sent, from 1.
    pub attempts: u32,
    /// From the first attempt to the last byte, waits included.
    pub took: Duration,
}

/// What a reply says, apart from what it cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// The content, in order.
    pub blocks: Vec<Block>,
    /// Why it ended.
    pub stop_reason: StopReason,
}

impl Said {
    /// All text, without separators.
    #[must_use]
    pub fn text(&self) -> String {
        self.blocks.iter().filter_map(Block::text).collect()
    }

    /// Whether it ends with a tool of the API's side, so that it is taken as it is and gone on with. After any other end
    /// the API wants to hear something.
    #[must_use]
    pub fn goes_on_by_itself(&self) -> bool {
        let last = self.blocks.last().map(Block::kind).unwrap_or_default();
        last == "server_tool_use" || last.ends_with("_tool_result")
    }

    /// The tools that Claude wants called, in order. A call that was cut off by a limit, and every
    /// call of a refusal, is left out: it must not be run.
    #[must_use]
    pub fn tool_uses(&self) -> Vec<ToolUse> {
        if matches!(self.stop_reason, StopReason::Refusal { .. }) {
            return Vec::new();
        }
        self.blocks.iter().filter_map(Block::tool_use).collect()
    }
}

/// One content block.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Block {
    /// The block as the API sent it. It goes back unchanged, which thinking signatures insist on.
    pub raw: Value,
    /// The reply ended inside this block, so what it asks for is not known.
    pub cut: bool,
    /// Why the arguments of a tool use that came whole are no JSON.
    pub unreadable: Option<String>,
}

impl Block {
    /// The text, if it is a text block.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if self.kind() == "text" { self.raw["text"].as_str() } else { None }
    }

    /// The call, if it is a tool use that came whole.
    #[must_use]
    pub fn tool_use(&self) -> Option<ToolUse> {
        if self.cut || self.kind() != "tool_use" {
            return None;
        }
        let text = |field: &str| self.raw[field].as_str().unwrap_or_default().to_owned();
        Some(ToolUse {
            id: text("id"),
            given_id: text("id"),
            name: text("name"),
            input: self.raw["input"].clone(),
            unreadable: self.unreadable.clone(),
        })
    }

    /// The API's name for the kind of block.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.raw["type"].as_str().unwrap_or_default()
    }
}

/// Claude's wish to call a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolUse {
    /// Pairs the call with its result.
    pub id: String,
    /// The id as the reply had it; the same, unless it could not be used (see `CallIds`). Empty if there was none.
    pub given_id: String,
    /// The tool's name as the model was given it, or one that the model invented.
    pub name: String,
    /// The arguments.
    pub input: Value,
    /// Why the arguments as Claude wrote them are no JSON. Such a call is answered and not run: the
    /// reply is paid for, and asking again would be paid for too.
    pub unreadable: Option<String>,
}

/// Why a reply ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// Claude was done.
    EndTurn,
    /// `max_tokens` was reached.
    MaxTokens,
    /// A stop sequence was written.
    StopSequence,
    /// Tools are to be called.
    ToolUse,
    /// A tool on the API's side takes long; the conversation is to be sent again as it is.
    PauseTurn,
    /// Claude declined.
    Refusal {
        /// The API's word for the kind of concern.
        category: Option<String>,
    },
    /// The model's context window is full.
    ContextWindowExceeded,
    /// A reason that this program does not know yet.
    Other(
        /// The API's word for it; empty when there was none.
        String,
    ),
}

impl StopReason {
    /// Reads the API's word, with the category that a refusal carries.
    #[must_use]
    pub fn read(reason: &str, category: Option<String>) -> Self {
        match reason {
            "end_turn" => Self::EndTurn,
            "max_tokens" => Self::MaxTokens,
            "stop_sequence" => Self::StopSequence,
            "tool_use" => Self::ToolUse,
            "pause_turn" => Self::PauseTurn,
            "refusal" => Self::Refusal { category },
            "model_context_window_exceeded" => Self::ContextWindowExceeded,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The API's word for it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::PauseTurn => "pause_turn",
            Self::Refusal { .. } => "refusal",
            Self::ContextWindowExceeded => "model_context_window_exceeded",
            Self::Other(reason) => reason,
        }
    }

    /// The reply stopped at a limit, so its last block may be incomplete.
    #[must_use]
    pub fn cuts(&self) -> bool {
        matches!(self, Self::MaxTokens | Self::ContextWindowExceeded)
    }
}
