//! A draft on its way: the events of the stream, and how fast and how far they get.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::draft::{Draft, DraftBlock};
use domain::usage::Usage;

/// Between two pings of a stream that brings nothing else; far more often than the real API, so that no test is slow.
const PING_EVERY: Duration = Duration::from_millis(20);

/// What the reply is, apart from its content.
pub(super) struct Envelope<'a> {
    pub(super) id: String,
    pub(super) model: &'a str,
    /// Prompt tokens; the output is counted from the draft.
    pub(super) usage: Usage,
    /// What the reply says of the cache, if that was asked.
    pub(super) diagnostics: Option<Value>,
}

/// What becomes of the stream on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    Whole,
    CutAfter(usize),
    StallHalfway,
    PingsFromHalfway,
    OverloadedHalfway,
    /// Nothing breaks, but there are things in it that no client knows.
    WithUnknowns,
}

/// The reply as one JSON document.
pub(super) fn whole(draft: &Draft, envelope: &Envelope<'_>) -> Value {
    let mut message = message(envelope, usage(&envelope.usage, draft.tokens()));
    message["content"] = draft.blocks.iter().map(DraftBlock::whole).collect();
    message["stop_reason"] = json!(draft.stop_reason);
    message["stop_details"] = draft.stop_details.clone();
    message
}

/// The reply as a stream of events.
pub(super) fn streamed(
    draft: &Draft,
    envelope: &Envelope<'_>,
    fate: Fate,
    between: Duration,
    stop: CancellationToken,
) -> Body {
    let mut events = events(draft, envelope);
    if fate == Fate::WithUnknowns {
        add_unknowns(&mut events);
    }
    let half = events.len() / 2;
    let mut end = None;
    match fate {
        Fate::StallHalfway => {
            events.truncate(half);
            end = Some(Step::Stall);
        }
        Fate::PingsFromHalfway => {
            events.truncate(half);
            end = Some(Step::Ping);
        }
        Fate::OverloadedHalfway => {
            events.truncate(half);
            events.push(json!({"type": "error",
                "error": {"type": "overloaded_error", "message": "Overloaded"}}));
        }
        Fate::CutAfter(_) => end = Some(Step::Break),
        Fate::Whole | Fate::WithUnknowns => {}
    }
    let mut frames: Vec<Vec<u8>> = events.iter().map(frame).collect();
    if let Fate::CutAfter(most) = fate {
        cut(&mut frames, most);
    }
    if between.is_zero() {
        frames = vec![frames.concat()];
    }
    let steps = frames.into_iter().map(|frame| Step::Send(Bytes::from(frame))).chain(end);
    body(steps.collect(), between, stop)
}

enum Step {
    Send(Bytes),
    Stall,
    /// Pings for ever.
    Ping,
    Break,
}

/// Sends the steps one after the other. A stop of the server ends a stream that has stalled.
fn body(steps: VecDeque<Step>, between: Duration, stop: CancellationToken) -> Body {
    Body::from_stream(stream::unfold((steps, true), move |(mut steps, first)| {
        let stop = stop.clone();
        async move {
            let step = steps.pop_front()?;
            if !first && !between.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(between) => {}
                    () = stop.cancelled() => return None,
                }
            }
            let sent = match step {
                Step::Send(bytes) => Ok(bytes),
                Step::Break => {
                    // While it waits, hyper sends what it holds; an error makes it drop that.
                    tokio::task::yield_now().await;
                    Err(io::Error::other("the script breaks the connection here"))
                }
                Step::Stall => {
                    stop.cancelled().await;
                    return None;
                }
                Step::Ping => {
                    tokio::select! {
                        () = tokio::time::sleep(PING_EVERY) => {}
                        () = stop.cancelled() => return None,
                    }
                    steps.push_back(Step::Ping);
                    Ok(Bytes::from(frame(&json!({"type": "ping"}))))
                }
            };
            Some((sent, (steps, false)))
        }
    }))
}

fn frame(event: &Value) -> Vec<u8> {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()).into_bytes()
}

fn cut(frames: &mut Vec<Vec<u8>>, most: usize) {
    let mut left = most;
    frames.retain_mut(|frame| {
        frame.truncate(left);
        left -= frame.len();
        !frame.is_empty()
    });
}

fn events(draft: &Draft, envelope: &Envelope<'_>) -> Vec<Value> {
    let mut events = vec![json!({
        "type": "message_start",
        // The first counts are those of the beginning: one token of output.
        "message": message(envelope, usage(&envelope.usage, 1)),
    })];
    for (index, block) in draft.blocks.iter().enumerate() {
        let (begin, deltas) = pieces_of(block);
        events.push(json!({"type": "content_block_start", "index": index, "content_block": begin}));
        if index == 0 {
            events.push(json!({"type": "ping"}));
        }
        events.extend(
            deltas
                .into_iter()
                .map(|delta| json!({"type": "content_block_delta", "index": index, "delta": delta})),
        );
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({
        "type": "message_delta",
        "delta": {"stop_reason": draft.stop_reason, "stop_sequence": null, "stop_details": draft.stop_details},
        "usage": usage(&envelope.usage, draft.tokens()),
    }));
    events.push(json!({"type": "message_stop"}));
    events
}

/// How a block begins, and the deltas that complete it.
fn pieces_of(block: &DraftBlock) -> (Value, Vec<Value>) {
    match block {
        DraftBlock::Text(text) => (
            json!({"type": "text", "text": ""}),
            pieces(text, 12).map(|piece| json!({"type": "text_delta", "text": piece})).collect(),
        ),
        DraftBlock::ToolUse { id, name, input } => {
            let json_text = if input == "{}" { "" } else { input };
            // The real API begins every tool use with an empty piece.
            let texts = std::iter::once("").chain(pieces(json_text, 16));
            (
                json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                texts.map(|piece| json!({"type": "input_json_delta", "partial_json": piece})).collect(),
            )
        }
    }
}

/// The text in pieces of about `length` bytes.
fn pieces(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.ceil_char_boundary(length.min(rest.len()));
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Puts an unknown event behind each event, an unknown block at the end, and an unknown delta into
/// the first block.
fn add_unknowns(events: &mut Vec<Value>) {
    let index = events.iter().filter(|event| event["type"] == "content_block_start").count();
    let end = events.iter().position(|event| event["type"] == "message_delta").unwrap_or(events.len());
    let block = [
        json!({"type": "content_block_start", "index": index,
            "content_block": {"type": "dream", "scene": {"place": "sea"}}}),
        json!({"type": "content_block_delta", "index": index, "delta": {"type": "dream_delta", "more": 1}}),
        json!({"type": "content_block_stop", "index": index}),
    ];
    events.splice(end..end, block);
    if let Some(first) = events.iter().position(|event| event["type"] == "content_block_start") {
        let delta =
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "mood_delta", "mood": 1}});
        events.insert(first + 1, delta);
    }
    let weather = |event: Value| [event, json!({"type": "weather", "sun": true})];
    *events = std::mem::take(events).into_iter().flat_map(weather).collect();
}

fn message(envelope: &Envelope<'_>, usage: Value) -> Value {
    let mut message = json!({
        "id": envelope.id,
        "type": "message",
        "role": "assistant",
        "model": envelope.model,
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "stop_details": null,
        "usage": usage,
    });
    if let Some(diagnostics) = &envelope.diagnostics {
        message["diagnostics"] = diagnostics.clone();
    }
    message
}

fn usage(prompt: &Usage, output: u64) -> Value {
    json!({
        "input_tokens": prompt.input,
        "cache_creation_input_tokens": prompt.cache_write_5m,
        "cache_read_input_tokens": prompt.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": prompt.cache_write_5m,
            "ephemeral_1h_input_tokens": prompt.cache_write_1h,
        },
        "output_tokens": output,
        "service_tier": "standard",
    })
}
