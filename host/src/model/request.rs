//! What Claude is asked: values only. How they become JSON is `wire`'s.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::offer::Offer;
use super::reply::{Block, Said};
use super::sayable::sayable;

/// What is told of a result without any text, which the API does not take.
const NO_CONTENT: &str = "(no content)";

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRequest {
    /// The model's id.
    pub model: String,
    /// The system prompt; empty for none.
    pub system: String,
    /// The tools on offer. The caller sorts them by name, so that every persona sends the same bytes
    /// and shares one cache entry.
    pub tools: Offer,
    /// The conversation, a user's message first.
    pub messages: Vec<Message>,
    /// The most tokens of the reply.
    pub max_tokens: u32,
    /// A JSON Schema that the reply is held to, as far as the server can.
    pub reply_schema: Option<Value>,
}

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// Content blocks, as they go on the wire.
    pub content: Vec<Value>,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// We.
    User,
    /// Claude.
    Assistant,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The id of the call.
    pub tool_use_id: String,
    /// What it said.
    pub text: String,
    /// It failed.
    pub is_error: bool,
}

impl Message {
    /// A user's message of one text.
    pub fn user(text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self { role: Role::User, content: vec![json!({"type": "text", "text": text})] }
    }

    /// A reply, said back: every block as it came. Left out is what the API refuses to be told: what
    /// was cut off, for which there can be no result or signature, and a text that is blank. A call is
    /// told in a form that the API takes.
    #[must_use]
    pub fn assistant(said: &Said) -> Self {
        Self { role: Role::Assistant, content: said.blocks.iter().filter_map(said_back).collect() }
    }

    /// The results of all calls of one reply, in one message.
    pub fn tool_results(results: impl IntoIterator<Item = ToolResult>) -> Self {
        let content = results.into_iter().map(ToolResult::into_block).collect();
        Self { role: Role::User, content }
    }

    /// The same with a text behind it.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        self.content.push(json!({"type": "text", "text": text}));
        self
    }
}

/// A block as it can be said back, if it can.
fn said_back(block: &Block) -> Option<Value> {
    let is_blank = || block.text().is_none_or(|text| text.trim().is_empty());
    match block.kind() {
        _ if block.cut => None,
        "text" if is_blank() => None,
        // It was cut off, or is of a server that signs none and needs none.
        "thinking" if block.raw["signature"].as_str().is_none_or(str::is_empty) => None,
        "tool_use" => Some(sayable(block.raw.clone())),
        _ => Some(block.raw.clone()),
    }
}

impl ToolResult {
    fn into_block(self) -> Value {
        let Self { tool_use_id, text, is_error } = self;
        let text = if text.trim().is_empty() { NO_CONTENT } else { &text };
        let mut block = json!({"type": "tool_result", "tool_use_id": tool_use_id, "content": text});
        if is_error {
            block["is_error"] = Value::Bool(true);
        }
        block
    }
}
