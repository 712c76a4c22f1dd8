//! A request as the scripted Claude reads it: the raw JSON, and the conversation in it.

use std::hash::{DefaultHasher, Hasher as _};

use serde_json::Value;

/// A request that the rules let pass.
#[derive(Debug)]
pub(super) struct Request {
    /// The whole body.
    pub(super) body: Value,
    /// The system prompt, blocks joined.
    pub(super) system: String,
    /// All that the user wrote in the first message.
    pub(super) question: String,
    /// The tool calls so far, in order.
    pub(super) calls: Vec<PastCall>,
    /// How many replies there have been.
    pub(super) rounds: usize,
}

/// A tool call of an earlier round.
#[derive(Debug)]
pub(super) struct PastCall {
    pub(super) name: String,
    pub(super) input: Value,
    /// What the tool answered.
    pub(super) result: String,
}

impl Request {
    pub(super) fn new(body: Value) -> Self {
        let messages = list(&body["messages"]);
        let rounds = messages.iter().filter(|message| message["role"] == "assistant").count();
        let question = messages.first().map(|message| text_of(&message["content"])).unwrap_or_default();
        Self { system: text_of(&body["system"]), question, calls: past_calls(messages), rounds, body }
    }

    /// The model that is asked for.
    pub(super) fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// The tools on offer.
    pub(super) fn tools(&self) -> &[Value] {
        list(&self.body["tools"])
    }

    /// Whether the answer is to be a stream of events.
    pub(super) fn wants_stream(&self) -> bool {
        self.body["stream"] == true
    }

    /// Whether the reply is held to a JSON Schema.
    pub(super) fn has_format(&self) -> bool {
        self.body["output_config"]["format"].is_object()
    }

    /// The most tokens of the reply.
    pub(super) fn max_tokens(&self) -> usize {
        self.body["max_tokens"].as_u64().and_then(|most| most.try_into().ok()).unwrap_or(usize::MAX)
    }

    /// The same for every request of one conversation, and other for another.
    pub(super) fn conversation(&self, seed: u64) -> u64 {
        hash(&(seed, &self.system, &self.question))
    }
}

/// A hash that depends on nothing but the value.
pub(super) fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The part of a tool's name before the first underscore.
pub(super) fn module_of(tool: &str) -> &str {
    tool.split_once('_').map_or(tool, |(module, _)| module)
}

/// The items of an array; none for anything else.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The text of a content: a string, or text blocks.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn past_calls(messages: &[Value]) -> Vec<PastCall> {
    let blocks = || messages.iter().flat_map(|message| list(&message["content"]));
    let result_of = |id: &Value| {
        let mut results = blocks().filter(|block| block["type"] == "tool_result");
        results.find(|block| block["tool_use_id"] == *id).map(|block| text_of(&block["content"]))
    };
    blocks()
        .filter(|block| block["type"] == "tool_use")
        .map(|block| PastCall {
            name: block["name"].as_str().unwrap_or_default().to_owned(),
            input: block["input"].clone(),
            result: result_of(&block["id"]).unwrap_or_default(),
        })
        .collect()
}
