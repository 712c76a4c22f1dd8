//! A reply before it goes on the wire.

use serde_json::{Value, json};

use super::cache::tokens_of;

/// What the scripted Claude is going to say.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub(super) blocks: Vec<DraftBlock>,
    pub(super) stop_reason: &'static str,
    pub(super) stop_details: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum DraftBlock {
    Text(String),
    /// The input is JSON text, because a limit can cut it.
    ToolUse {
        id: String,
        name: String,
        input: String,
    },
}

impl Draft {
    /// Words, and nothing more to do.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::stopping(vec![DraftBlock::Text(text.into())], "end_turn")
    }

    pub(super) fn stopping(blocks: Vec<DraftBlock>, stop_reason: &'static str) -> Self {
        Self { blocks, stop_reason, stop_details: Value::Null }
    }

    pub(super) fn refusal() -> Self {
        let mut draft = Self::stopping(Vec::new(), "refusal");
        draft.stop_details = json!({"type": "refusal", "category": "general_harms"});
        draft
    }

    pub(super) fn tokens(&self) -> u64 {
        self.blocks.iter().map(DraftBlock::tokens).sum::<u64>().max(1)
    }

    /// The same, cut off where it has more than `most` tokens.
    pub(super) fn within(mut self, most: usize) -> Self {
        let mut left = most.saturating_mul(4);
        for index in 0..self.blocks.len() {
            let text = self.blocks[index].text_mut();
            if text.len() > left {
                text.truncate(text.floor_char_boundary(left));
                self.blocks.truncate(index + 1);
                self.stop_reason = "max_tokens";
                break;
            }
            left -= text.len();
        }
        self
    }

    /// The same, cut off in the middle of its last block.
    pub(super) fn cut_in_the_last_block(mut self) -> Self {
        if let Some(last) = self.blocks.last_mut() {
            let text = last.text_mut();
            text.truncate(text.floor_char_boundary(text.len() / 2));
        }
        self.stop_reason = "max_tokens";
        self
    }
}

impl DraftBlock {
    fn tokens(&self) -> u64 {
        match self {
            Self::Text(text) => tokens_of(text),
            Self::ToolUse { name, input, .. } => tokens_of(name) + tokens_of(input),
        }
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Text(text) => text,
            Self::ToolUse { input, .. } => input,
        }
    }

    /// The block of a reply that is not streamed.
    pub(super) fn whole(&self) -> Value {
        match self {
            Self::Text(text) => json!({"type": "text", "text": text}),
            Self::ToolUse { id, name, input } => {
                let input: Value = serde_json::from_str(input).unwrap_or_else(|_| json!({}));
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            }
        }
    }
}
