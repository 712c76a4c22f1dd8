//! The events of one reply become its blocks, stop reason and token counts. No IO.
//!
//! What is unknown is passed over: events, blocks and deltas come into being between API versions.
//! What is known but broken is an error, because the reply would not be the one that was paid for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::reply::{Block, StopReason};
use super::wire::{ErrorBody, WireUsage};
use crate::sse::Event;
use domain::lenient;
use domain::usage::Usage;

/// A reply as the events tell it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembled {
    /// The message's id; empty when there was none.
    pub id: String,
    /// The model that answered, if it says so.
    pub model: Option<String>,
    /// The content.
    pub blocks: Vec<Block>,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// Tokens.
    pub usage: Usage,
    /// Why nothing was read from the cache, where the API says so.
    pub cache_miss: Option<String>,
}

/// Why no reply came of the events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The API said, in the middle of the stream, that it cannot go on.
    #[error("{kind} — {message}")]
    Told {
        /// The API's word for it.
        kind: String,
        /// A finer word for it, where there is one.
        error_code: Option<String>,
        /// The API's sentence.
        message: String,
    },
    /// The stream ended before the reply did.
    #[error("the stream ended before the reply did (no message_stop)")]
    Ended,
    /// An event that is known was not as it must be.
    #[error("{0}")]
    Malformed(String),
}

/// Takes in events until the reply is whole.
#[derive(Debug, Default)]
pub struct Assembly {
    id: String,
    model: Option<String>,
    blocks: BTreeMap<u64, OpenBlock>,
    stop_reason: Option<String>,
    refusal_category: Option<String>,
    usage: WireUsage,
    cache_miss: Option<String>,
    stopped: bool,
    pieces: u64,
}

#[derive(Debug)]
struct OpenBlock {
    raw: Map<String, Value>,
    /// The input of a tool use arrives as pieces of JSON text.
    input_json: Option<String>,
}

const KNOWN_EVENTS: [&str; 7] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
];

impl Assembly {
    /// Whether the reply is whole. What comes after is not read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.stopped
    }

    /// Whether the first content block has begun.
    #[must_use]
    pub fn has_content(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// How much it has taken in. Only what belongs to the reply counts: pings do not, nor what is unknown or empty.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.pieces
    }

    /// Takes in one event.
    ///
    /// # Errors
    /// When the event tells of an error, or is known and not as it must be.
    pub fn take(&mut self, event: &Event) -> Result<(), Broken> {
        if self.stopped {
            return Ok(());
        }
        let data: Value = match lenient::read(&event.data) {
            Ok(data) => data,
            Err(_) if !KNOWN_EVENTS.contains(&event.name.as_str()) => return Ok(()),
            Err(error) => return Err(Broken::Malformed(format!("{} is not JSON: {error}", event.name))),
        };
        match data["type"].as_str().unwrap_or(&event.name) {
            "message_start" => self.start(&data["message"]),
            "content_block_start" => self.open_block(&data)?,
            "content_block_delta" => {
                self.extend_block(&data)?;
                if is_empty(&data["delta"]) {
                    return Ok(());
                }
            }
            // It says once why the reply ends.
            "message_delta" => {
                let has_ended = self.stop_reason.is_some();
                self.end(&data);
                if has_ended || self.stop_reason.is_none() {
                    return Ok(());
                }
            }
            "message_stop" => self.stopped = true,
            "error" => return Err(told(data)),
            // content_block_stop says nothing that the next event does not; ping says nothing at all.
            _ => return Ok(()),
        }
        self.pieces += 1;
        Ok(())
    }

    /// The reply.
    ///
    /// # Errors
    /// When it is not whole.
    pub fn finish(self) -> Result<Assembled, Broken> {
        if !self.stopped {
            return Err(Broken::Ended);
        }
        let stop_reason =
            StopReason::read(self.stop_reason.as_deref().unwrap_or_default(), self.refusal_category);
        let last = self.blocks.keys().next_back().copied();
        let close = |(index, block): (u64, OpenBlock)| block.close(stop_reason.cuts() && last == Some(index));
        let blocks = self.blocks.into_iter().map(close).collect();
        let (usage, cache_miss) = (self.usage.tokens(), self.cache_miss);
        Ok(Assembled { id: self.id, model: self.model, blocks, stop_reason, usage, cache_miss })
    }

    fn start(&mut self, message: &Value) {
        self.id = text(&message["id"]).unwrap_or_default();
        self.model = text(&message["model"]).filter(|model| !model.is_empty());
        self.cache_miss = text(&message["diagnostics"]["cache_miss_reason"]);
        self.count(&message["usage"]);
    }

    fn end(&mut self, data: &Value) {
        if let Some(reason) = text(&data["delta"]["stop_reason"]) {
            self.stop_reason = Some(reason);
        }
        if let Some(category) = text(&data["delta"]["stop_details"]["category"]) {
            self.refusal_category = Some(category);
        }
        self.count(&data["usage"]);
    }

    /// Counts are worth a reply less than its content: what cannot be read is left as it was.
    fn count(&mut self, usage: &Value) {
        if let Ok(usage) = serde_json::from_value(usage.clone()) {
            self.usage.replace_by(usage);
        }
    }

    fn open_block(&mut self, data: &Value) -> Result<(), Broken> {
        let index = index_of(data)?;
        let Value::Object(raw) = &data["content_block"] else {
            return Err(Broken::Malformed(format!("content block {index} begins without a block")));
        };
        match self.blocks.entry(index) {
            Entry::Occupied(_) => Err(Broken::Malformed(format!("content block {index} begins twice"))),
            Entry::Vacant(slot) => {
                slot.insert(OpenBlock { raw: raw.clone(), input_json: None });
                Ok(())
            }
        }
    }

    fn extend_block(&mut self, data: &Value) -> Result<(), Broken> {
        let index = index_of(data)?;
        match self.blocks.get_mut(&index) {
            Some(block) => {
                block.extend(&data["delta"]);
                Ok(())
            }
            None => Err(Broken::Malformed(format!("content block {index} goes on but never began"))),
        }
    }
}

impl OpenBlock {
    fn extend(&mut self, delta: &Value) {
        match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => self.append("text", &delta["text"]),
            "thinking_delta" => self.append("thinking", &delta["thinking"]),
            "signature_delta" => {
                self.raw.insert("signature".to_owned(), delta["signature"].clone());
            }
            "input_json_delta" => {
                let piece = delta["partial_json"].as_str().unwrap_or_default();
                self.input_json.get_or_insert_default().push_str(piece);
            }
            "citations_delta" => {
                let citations = self.raw.entry("citations").or_insert(Value::Null);
                match citations {
                    Value::Array(list) => list.push(delta["citation"].clone()),
                    other => *other = Value::Array(vec![delta["citation"].clone()]),
                }
            }
            _ => {}
        }
    }

    fn append(&mut self, field: &str, piece: &Value) {
        let piece = piece.as_str().unwrap_or_default();
        match self.raw.get_mut(field) {
            Some(Value::String(text)) => text.push_str(piece),
            _ => {
                self.raw.insert(field.to_owned(), Value::from(piece));
            }
        }
    }

    /// The whole block. Of a tool use at which the reply was cut off even readable arguments are
    /// not to be trusted: `{"title":"Milk"}` may have been meant to go on. A thought has no signature yet. Only text
    /// is worth something as far as it came.
    fn close(mut self, at_the_cut: bool) -> Block {
        let mut unreadable = None;
        let cut = at_the_cut && self.raw.get("type").is_some_and(|kind| kind != "text");
        match self.input_json.as_deref().map(str::trim) {
            None => {}
            Some("") => self.set_input(Value::Object(Map::new())),
            Some(json) => match lenient::read(json) {
                Ok(input) => self.set_input(input),
                Err(_) if at_the_cut => {}
                Err(error) => {
                    self.set_input(Value::Object(Map::new()));
                    unreadable = Some(error.to_string());
                }
            },
        }
        Block { raw: Value::Object(self.raw), cut, unreadable }
    }

    fn set_input(&mut self, input: Value) {
        self.raw.insert("input".to_owned(), input);
    }
}

/// Whether a delta adds nothing, such as the piece with which the API begins every tool use.
fn is_empty(delta: &Value) -> bool {
    let adds = |(name, value): (&String, &Value)| name != "type" && value.as_str() != Some("");
    !delta.as_object().is_some_and(|fields| fields.iter().any(adds))
}

fn told(data: Value) -> Broken {
    let body: ErrorBody = serde_json::from_value(data).unwrap_or_default();
    Broken::Told {
        error_code: body.error_code().map(str::to_owned),
        kind: body.error.kind,
        message: body.error.message,
    }
}

fn index_of(data: &Value) -> Result<u64, Broken> {
    data["index"].as_u64().ok_or_else(|| Broken::Malformed("a content block has no index".to_owned()))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
