//! Lists of events, as they were seen or as they should never be, and what comes of them.

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
    let a_call =
        |input: Value| json!({"type": "tool_use", "id": "toolu_0", "name": "todo_create", "input": input});
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
            let seen: Vec<(&Value, bool)> = blocks.iter().map(|(raw, cut)| (&raw["input"], *cut)).collect();
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
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let rows = [
        (vec![], "the stream ended before the reply did (no message_stop)"),
        (vec![begin(0, json!({"type": "text"}))], "the stream ended before the reply did (no message_stop)"),
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
}

#[test]
fn arguments_that_are_no_json_are_told_with_the_call_and_do_not_break_a_paid_reply() {
    let events = [&[call(0), input(0, "{\"title\":")], end("tool_use").as_slice()].concat();
    let reply = assemble(&events).expect("whole");
    let call = reply.blocks[0].tool_use().expect("a call");
    assert!(call.unreadable.is_some_and(|why| why.starts_with("EOF")));
    assert_eq!(call.input, json!({}));
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
