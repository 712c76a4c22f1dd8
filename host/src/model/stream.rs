//! The events of one reply become its blocks, stop reason and token counts. No IO.
//!
//! What is unknown is passed over: events, blocks and deltas come into being between API versions.
//! What is known but broken is an error, because the reply would not be the one that was paid for.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};

use super::reply::{Block, StopReason};
use super::sse::Event;
use super::wire::{ErrorBody, WireUsage};
use crate::domain::usage::Usage;

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
    stopped: bool,
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

    /// Takes in one event.
    ///
    /// # Errors
    /// When the event tells of an error, or is known and not as it must be.
    pub fn take(&mut self, event: &Event) -> Result<(), Broken> {
        if self.stopped {
            return Ok(());
        }
        let data: Value = match serde_json::from_str(&event.data) {
            Ok(data) => data,
            Err(_) if !KNOWN_EVENTS.contains(&event.name.as_str()) => return Ok(()),
            Err(error) => return Err(Broken::Malformed(format!("{} is not JSON: {error}", event.name))),
        };
        match data["type"].as_str().unwrap_or(&event.name) {
            "message_start" => self.start(&data["message"]),
            "content_block_start" => self.open_block(&data)?,
            "content_block_delta" => self.extend_block(&data)?,
            "message_delta" => self.end(&data),
            "message_stop" => self.stopped = true,
            "error" => return Err(told(data)),
            // content_block_stop says nothing that the next event does not; ping says nothing at all.
            _ => {}
        }
        Ok(())
    }

    /// The reply.
    ///
    /// # Errors
    /// When it is not whole, or the arguments of a tool are not JSON though nothing cut them off.
    pub fn finish(self) -> Result<Assembled, Broken> {
        if !self.stopped {
            return Err(Broken::Ended);
        }
        let stop_reason =
            StopReason::read(self.stop_reason.as_deref().unwrap_or_default(), self.refusal_category);
        let last = self.blocks.keys().next_back().copied();
        let close = |(index, block): (u64, OpenBlock)| block.close(stop_reason.cuts() && last == Some(index));
        let blocks = self.blocks.into_iter().map(close).collect::<Result<_, _>>()?;
        Ok(Assembled { id: self.id, model: self.model, blocks, stop_reason, usage: self.usage.tokens() })
    }

    fn start(&mut self, message: &Value) {
        self.id = text(&message["id"]).unwrap_or_default();
        self.model = text(&message["model"]).filter(|model| !model.is_empty());
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
    /// not to be trusted: `{"title":"Milk"}` may have been meant to go on.
    fn close(mut self, at_the_cut: bool) -> Result<Block, Broken> {
        let cut = at_the_cut && self.raw.get("type").is_some_and(|kind| kind == "tool_use");
        match self.input_json.as_deref().map(str::trim) {
            None => {}
            Some("") => self.set_input(Value::Object(Map::new())),
            Some(json) => match serde_json::from_str(json) {
                Ok(input) => self.set_input(input),
                Err(_) if at_the_cut => {}
                Err(error) => {
                    let name = self.raw.get("name").and_then(Value::as_str).unwrap_or("a tool");
                    return Err(Broken::Malformed(format!("the arguments of {name} are not JSON: {error}")));
                }
            },
        }
        Ok(Block { raw: Value::Object(self.raw), cut })
    }

    fn set_input(&mut self, input: Value) {
        self.raw.insert("input".to_owned(), input);
    }
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn event(data: &Value) -> Event {
        Event { name: data["type"].as_str().unwrap_or_default().to_owned(), data: data.to_string() }
    }

    fn assemble(events: &[Value]) -> Result<Assembled, Broken> {
        let mut assembly = Assembly::default();
        events.iter().try_for_each(|data| assembly.take(&event(data)))?;
        assembly.finish()
    }

    fn begin(index: u64, block: Value) -> Value {
        json!({"type": "content_block_start", "index": index, "content_block": block})
    }

    fn delta(index: u64, delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    }

    fn text(index: u64, piece: &str) -> Value {
        delta(index, json!({"type": "text_delta", "text": piece}))
    }

    fn input(index: u64, piece: &str) -> Value {
        delta(index, json!({"type": "input_json_delta", "partial_json": piece}))
    }

    fn call(index: u64) -> Value {
        begin(
            index,
            json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": "todo_create", "input": {}}),
        )
    }

    fn end(reason: &str) -> [Value; 2] {
        [json!({"type": "message_delta", "delta": {"stop_reason": reason}}), json!({"type": "message_stop"})]
    }

    /// The raw blocks of a reply that ends for `reason`, each with whether it was cut.
    fn blocks(events: &[Value], reason: &str) -> Result<Vec<(Value, bool)>, Broken> {
        let assembled = assemble(&[events, &end(reason)].concat())?;
        Ok(assembled.blocks.into_iter().map(|block| (block.raw, block.cut)).collect())
    }

    #[test]
    fn blocks_are_put_together_and_kept_word_for_word() {
        let a_call = |input: Value| json!({"type": "tool_use", "id": "toolu_0", "name": "todo_create", "input": input});
        let rows = [
            ("nothing", vec![], vec![]),
            (
                "text",
                vec![begin(0, json!({"type": "text", "text": ""})), text(0, "Hal"), text(0, "lo")],
                vec![json!({"type": "text", "text": "Hallo"})],
            ),
            (
                "text that begins in the block",
                vec![begin(0, json!({"type": "text", "text": "Ha", "citations": null})), text(0, "llo")],
                vec![json!({"type": "text", "text": "Hallo", "citations": null})],
            ),
            (
                "a signed thought",
                vec![
                    begin(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
                    delta(0, json!({"type": "thinking_delta", "thinking": "Hm"})),
                    delta(0, json!({"type": "thinking_delta", "thinking": "…"})),
                    delta(0, json!({"type": "signature_delta", "signature": "EqQB=="})),
                ],
                vec![json!({"type": "thinking", "thinking": "Hm…", "signature": "EqQB=="})],
            ),
            (
                "citations",
                vec![
                    begin(0, json!({"type": "text", "text": "", "citations": null})),
                    delta(0, json!({"type": "citations_delta", "citation": {"n": 1}})),
                    delta(0, json!({"type": "citations_delta", "citation": {"n": 2}})),
                ],
                vec![json!({"type": "text", "text": "", "citations": [{"n": 1}, {"n": 2}]})],
            ),
            (
                "arguments in pieces",
                vec![call(0), input(0, ""), input(0, "{\"title\":\"Mil"), input(0, "ch\"}")],
                vec![a_call(json!({"title": "Milch"}))],
            ),
            ("arguments of nothing", vec![call(0), input(0, "")], vec![a_call(json!({}))]),
            ("no arguments at all", vec![call(0)], vec![a_call(json!({}))]),
            (
                "an unknown block with unknown deltas, between two others",
                vec![
                    begin(0, json!({"type": "redacted_thinking", "data": "x"})),
                    begin(1, json!({"type": "dream", "scene": {"place": "sea"}})),
                    delta(1, json!({"type": "dream_delta", "more": 1})),
                    delta(1, json!(7)),
                    begin(2, json!({"type": "text", "text": ""})),
                    text(2, "!"),
                ],
                vec![
                    json!({"type": "redacted_thinking", "data": "x"}),
                    json!({"type": "dream", "scene": {"place": "sea"}}),
                    json!({"type": "text", "text": "!"}),
                ],
            ),
            (
                "deltas of two blocks in turns",
                vec![
                    begin(1, json!({"type": "text", "text": ""})),
                    call(0),
                    text(1, "b"),
                    input(0, "{}"),
                    text(1, "c"),
                ],
                vec![a_call(json!({})), json!({"type": "text", "text": "bc"})],
            ),
        ];
        for (what, events, expected) in rows {
            let expected = expected.into_iter().map(|raw| (raw, false)).collect();
            assert_eq!(blocks(&events, "end_turn"), Ok(expected), "{what}");
        }
    }

    #[test]
    fn a_call_at_which_a_limit_cut_the_reply_off_is_marked() {
        let first = [call(0), input(0, "{\"title\":\"A\"}")];
        let rows = [
            ("in the middle of a string", "{\"title\":\"Mil", json!({})),
            ("before the first character", "", json!({})),
            ("where it can be read by chance", "{\"title\":\"Milch\"}", json!({"title": "Milch"})),
        ];
        for (what, piece, expected) in rows {
            for reason in ["max_tokens", "model_context_window_exceeded"] {
                let cut = [&first[..], &[call(1), input(1, piece)]].concat();
                let blocks = blocks(&cut, reason).expect("a whole stream");
                let seen: Vec<(&Value, bool)> =
                    blocks.iter().map(|(raw, cut)| (&raw["input"], *cut)).collect();
                assert_eq!(seen, [(&json!({"title": "A"}), false), (&expected, true)], "{what}, {reason}");
            }
        }
        let text_behind = [&first[..], &[begin(1, json!({"type": "text", "text": "Al"}))]].concat();
        assert!(blocks(&text_behind, "max_tokens").expect("a whole stream").iter().all(|(_, cut)| !cut));
    }

    #[test]
    fn every_stop_reason_is_read_and_an_unknown_one_is_kept() {
        let rows = [
            ("end_turn", StopReason::EndTurn),
            ("max_tokens", StopReason::MaxTokens),
            ("stop_sequence", StopReason::StopSequence),
            ("tool_use", StopReason::ToolUse),
            ("pause_turn", StopReason::PauseTurn),
            ("refusal", StopReason::Refusal { category: None }),
            ("model_context_window_exceeded", StopReason::ContextWindowExceeded),
            ("sunset", StopReason::Other("sunset".to_owned())),
        ];
        for (word, expected) in rows {
            let stop_reason = assemble(&end(word)).expect("a whole stream").stop_reason;
            assert_eq!((stop_reason.name(), &stop_reason), (word, &expected));
        }
        let refusal = json!({"type": "message_delta",
            "delta": {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": "cyber"}}});
        let assembled = assemble(&[refusal, json!({"type": "message_stop"})]).expect("a whole stream");
        assert_eq!(assembled.stop_reason, StopReason::Refusal { category: Some("cyber".to_owned()) });
        let none = assemble(&[json!({"type": "message_stop"})]).expect("a whole stream");
        assert_eq!(none.stop_reason, StopReason::Other(String::new()));
    }

    #[test]
    fn later_counts_replace_earlier_ones() {
        let start = json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-x",
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 500, "output_tokens": 1}}});
        let middle = json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 20}});
        let odd = json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": "many"}});
        let last = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 35, "cache_read_input_tokens": null}});
        let events = [start, middle, odd, last, json!({"type": "message_stop"})];
        let assembled = assemble(&events).expect("a whole stream");
        assert_eq!(assembled.usage, Usage { input: 10, output: 35, cache_read: 500, ..Usage::default() });
        assert_eq!((assembled.id.as_str(), assembled.model.as_deref()), ("msg_1", Some("claude-x")));
    }

    #[test]
    fn a_broken_stream_says_how_it_is_broken() {
        let overloaded =
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
        let rows = [
            (vec![], "the stream ended before the reply did (no message_stop)"),
            (
                vec![begin(0, json!({"type": "text"}))],
                "the stream ended before the reply did (no message_stop)",
            ),
            (vec![overloaded], "overloaded_error — Overloaded"),
            (vec![text(0, "x")], "content block 0 goes on but never began"),
            (vec![call(0), call(0)], "content block 0 begins twice"),
            (vec![json!({"type": "content_block_start"})], "a content block has no index"),
            (vec![begin(0, json!(null))], "content block 0 begins without a block"),
        ];
        for (events, expected) in rows {
            let broken = assemble(&events).expect_err("broken");
            assert_eq!(broken.to_string(), expected);
        }
        let broken = blocks(&[call(0), input(0, "{\"title\":")], "tool_use").expect_err("broken");
        assert!(broken.to_string().starts_with("the arguments of todo_create are not JSON: EOF"), "{broken}");
    }

    #[test]
    fn what_is_no_json_is_an_error_only_in_an_event_that_is_known() {
        let raw = |name: &str, data: &str| Event { name: name.to_owned(), data: data.to_owned() };
        let mut assembly = Assembly::default();
        for event in [raw("", "[DONE]"), raw("weather", "sunny"), raw("ping", ""), raw("", "3")] {
            assert_eq!(assembly.take(&event), Ok(()), "{event:?}");
        }
        assert!(matches!(assembly.take(&raw("message_delta", "{")), Err(Broken::Malformed(_))));
        assert_eq!(assembly.take(&raw("message_stop", "{}")), Ok(()));
        assert!(assembly.is_whole());
        assert_eq!(assembly.take(&raw("error", "after the end")), Ok(()));
    }

    /// Well-formed JSON at the wrong place.
    fn odd_value() -> impl Strategy<Value = Value> {
        prop::sample::select(vec![
            json!(null),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(u64::MAX),
            json!("text"),
            json!([]),
            json!({"type": "tool_use", "id": 7, "name": null, "input": "x"}),
            json!({"type": "text", "text": []}),
            json!({"type": "text_delta", "text": 7}),
            json!({"type": "input_json_delta", "partial_json": "{\"a\":"}),
            json!({"type": "citations_delta"}),
            json!({"stop_reason": "max_tokens", "stop_details": 3}),
            json!({"input_tokens": u64::MAX, "output_tokens": u64::MAX, "cache_read_input_tokens": u64::MAX}),
        ])
    }

    proptest! {
        #[test]
        fn no_events_make_it_panic(
            events in prop::collection::vec(
                (prop::sample::select(KNOWN_EVENTS.to_vec()), odd_value(), odd_value(), odd_value()),
                0..12,
            ),
        ) {
            let mut assembly = Assembly::default();
            for (kind, first, second, third) in events {
                let data = json!({"type": kind, "index": first, "content_block": second, "delta": second,
                    "message": {"usage": third}, "usage": third, "error": third});
                if assembly.take(&event(&data)).is_err() {
                    return Ok(());
                }
            }
            if let Ok(assembled) = assembly.finish() {
                prop_assert!(assembled.usage.prompt() < u64::MAX);
            }
        }
    }
}
