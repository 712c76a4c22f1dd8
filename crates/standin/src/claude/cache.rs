//! Prompt caching as the API does it, over remembered hashes of prompt prefixes.
//!
//! Entries do not grow old here: a demo whose clock jumps would see no cache at all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::request::{Request, hash, list};
use domain::usage::Usage;

/// The least prefix that is worth an entry (Claude Haiku 5.5).
const LEAST_TOKENS: u64 = 512;
/// How many blocks before a breakpoint an earlier entry is looked for.
const LOOK_BACK: usize = 20;
/// Beyond this it begins anew, so that it cannot grow for ever.
const MOST_ENTRIES: usize = 100_000;

/// The prefixes that have been seen.
#[derive(Debug, Default)]
pub(super) struct PromptCache {
    /// With the moment from which on each can be read.
    entries: BTreeMap<u64, u64>,
    moment: u64,
}

/// The end of a block in the rendered prompt.
struct Boundary {
    /// Of everything up to here.
    hash: u64,
    tokens: u64,
    is_breakpoint: bool,
}

impl PromptCache {
    /// A request that arrives now can read what was written before: an entry is there once a reply of it begins.
    pub(super) fn moment(&self) -> u64 {
        self.moment
    }

    /// Counts the prompt's tokens of a request that arrived then and whose reply begins now, and remembers its
    /// prefixes. The reply's tokens are not in it.
    pub(super) fn count(&mut self, request: &Request, arrived: u64) -> Usage {
        let boundaries = boundaries(request);
        let total = boundaries.last().map_or(0, |last| last.tokens);
        let breakpoints: Vec<usize> = (0..boundaries.len())
            .filter(|index| boundaries[*index].is_breakpoint && boundaries[*index].tokens >= LEAST_TOKENS)
            .collect();
        let known = |index: usize| {
            let within = index.saturating_sub(LOOK_BACK)..=index;
            within
                .rev()
                .find(|earlier| self.entries.get(&boundaries[*earlier].hash).is_some_and(|at| *at <= arrived))
        };
        let read = breakpoints.iter().rev().find_map(|index| known(*index));
        let read = read.map_or(0, |index| boundaries[index].tokens);
        let cached = breakpoints.last().map_or(0, |index| boundaries[*index].tokens).max(read);
        if self.entries.len() > MOST_ENTRIES {
            self.entries.clear();
        }
        self.moment += 1;
        for index in breakpoints {
            self.entries.entry(boundaries[index].hash).or_insert(self.moment);
        }
        Usage { input: total - cached, cache_write_5m: cached - read, cache_read: read, ..Usage::default() }
    }
}

/// Every place at which an entry could end: after the tools, after each system block, after each
/// block of the conversation.
fn boundaries(request: &Request) -> Vec<Boundary> {
    let body = &request.body;
    let mut boundaries: Vec<Boundary> = Vec::new();
    let mut extend = |rendered: &str, is_breakpoint: bool| {
        let (before, tokens) = boundaries.last().map_or((0, 0), |last| (last.hash, last.tokens));
        let hash = hash(&(before, rendered));
        boundaries.push(Boundary { hash, tokens: tokens + tokens_of(rendered), is_breakpoint });
    };
    let tools: String = request.tools().iter().map(rendered).collect();
    extend(&format!("{}{tools}", request.model()), request.tools().iter().any(is_marked));
    for block in blocks(&body["system"]) {
        extend(&rendered(&block), is_marked(&block));
    }
    // The enforced format is part of the conversation's entries, not of the tools' and the system's.
    let mut lead = body["output_config"]["format"].to_string();
    for message in list(&body["messages"]) {
        for block in blocks(&message["content"]) {
            extend(&format!("{lead}{}{}", message["role"], rendered(&block)), is_marked(&block));
            lead.clear();
        }
    }
    if is_marked(body)
        && let Some(last) = boundaries.last_mut()
    {
        last.is_breakpoint = true;
    }
    boundaries
}

fn blocks(content: &Value) -> Vec<Value> {
    match content {
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        other => list(other).to_vec(),
    }
}

fn is_marked(block: &Value) -> bool {
    !block["cache_control"].is_null()
}

/// The block as the model sees it: marks are not part of the prompt.
fn rendered(block: &Value) -> String {
    let mut block = block.clone();
    if let Some(fields) = block.as_object_mut() {
        fields.shift_remove("cache_control");
    }
    block.to_string()
}

/// About four characters are a token.
pub(super) fn tokens_of(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}
