//! The words of one call, for who has asked to see them. They are in no record of an event.

use serde_json::Value;

/// The words of one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Of a call to Claude.
    Model {
        /// The system prompt.
        system: String,
        /// The messages, each with its role and its content blocks as they went.
        asked: Value,
        /// The reply's content blocks.
        answered: Vec<Value>,
    },
    /// Of a tool call.
    Tool {
        /// The arguments.
        input: Value,
        /// What the tool answered.
        output: String,
    },
}
