//! What Claude says in replies that arrive.

use serde_json::{Value, json};

use super::{LISTED, beside, listing, raw};
use crate::wild::claude::{Part, Reply, call, says, text, wants, with};
use crate::wild::row::Row;
use crate::wild::sent::well;

pub(super) fn rows() -> Vec<Row> {
    [replies(), calls(), stops(), ratings()].into_iter().flatten().collect()
}

/// Texts and blocks of replies.
fn replies() -> Vec<Row> {
    vec![
        beside("a text without characters beside a call", text("")).untold([r#""text":"""#]),
        beside("a text of line breaks beside a call", text("\n\n")),
        beside("a text of blanks that are no ASCII", text("\u{a0}\u{2003}")),
        Row::new("a blank text behind a call").claude([wants([listing(), text(" ")])]).did(LISTED),
        Row::new("nothing but a blank text").claude([says([text(" ")], "end_turn")]).ends("idle", "end_turn"),
        Row::new("nothing at all").claude([says([], "end_turn")]).ends("idle", "end_turn"),
        beside("a text block without text", raw(r#"{"type":"text"}"#)),
        beside("half a character", raw(r#"{"type":"text","text":"a\ud83db"}"#)).told(["a\u{FFFD}b"]),
        beside("a block of the future", raw(r#"{"type":"dream","scene":1}"#)).told([r#""scene":1"#]),
        beside("a signed thought", raw(r#"{"type":"thinking","thinking":"Hm","signature":"EqQB"}"#))
            .told(["EqQB"]),
        Row::new("bytes that are no UTF-8")
            .claude([Reply::Sent(well(
                "text/event-stream",
                said_with(b"caf\xC3", &wants([text("@"), listing()])),
            ))])
            .did(LISTED)
            .told(["caf\u{FFFD}"]),
    ]
}

/// The bytes of a reply with others in place of `@`.
fn said_with(bytes: &[u8], reply: &Reply) -> Vec<u8> {
    let all = reply.bytes();
    let at = all.iter().position(|byte| *byte == b'@').expect("there is one");
    [&all[..at], bytes, &all[at + 1..]].concat()
}

/// Calls as they should not be.
fn calls() -> Vec<Row> {
    let twice = [("todo.list", "ok"), ("todo.list", "ok")];
    let odd = |name: &'static str, id: Value| {
        let call = Part::Call(id, json!("todo_list"), "{}".to_owned());
        Row::new(name).claude([wants([call])]).did(LISTED).told(["toolu_ours_01_000"])
    };
    let named = |name: &'static str, tool: Value| {
        Row::new(name)
            .claude([wants([Part::Call(json!("a"), tool, "{}".to_owned())])])
            .told(["There is no tool"])
            .did([("", "error")])
    };
    let called = |name: &'static str, arguments: &str| {
        Row::new(name).claude([wants([with("a", "todo_create", arguments)])])
    };
    let created = [("todo.create", "ok")];
    let mut rows = vec![
        Row::new("an id that comes twice in a reply")
            .claude([wants([listing(), listing()])])
            .did(twice)
            .told(["toolu_ours_01_001"]),
        Row::new("an id that comes again in another reply")
            .claude([wants([listing()]), wants([listing()])])
            .did(twice)
            .told(["toolu_ours_02_000"]),
        odd("an empty id", json!("")),
        odd("an id with a dot and a colon", json!("call:1.2")),
        odd("an id that is no ASCII", json!("rüf")),
        odd("an id that is null", json!(null)),
        odd("an id that is a number", json!(7)),
        called("arguments that are no JSON", "{\"title\":")
            .told(["not valid JSON"])
            .did([("todo.create", "error")]),
        called("arguments that are a list", "[1]")
            .told(["must be a JSON object"])
            .did([("todo.create", "error")])
            .carried_out(0),
        called("arguments that are a text", "\"x\"")
            .told(["must be a JSON object"])
            .did([("todo.create", "error")]),
        called("arguments that are null", "null").did(created),
        called("no arguments at all", "").did(created),
        called("half a character among the arguments", r#"{"title":"\ude00!"}"#)
            .did(created)
            .recorded(["\u{FFFD}!"]),
        called("a number beyond all numbers", r#"{"n":1e999}"#)
            .told(["not valid JSON"])
            .did([("todo.create", "error")]),
    ];
    for (name, tool, did) in [
        ("a tool without a name", json!(""), ""),
        ("a tool whose name is null", json!(null), ""),
        ("a name with a dot", json!("todo.list"), "todo.list"),
        ("a name with blanks", json!("list my tasks"), "list my tasks"),
        ("a name that is no ASCII", json!("größe"), "größe"),
    ] {
        rows.push(named(name, tool).did([(did, "error")]));
    }
    rows
}

/// Why replies end.
fn stops() -> Vec<Row> {
    let stop = |name: &'static str, reason: &'static str| {
        Row::new(name).claude([says([text("Hm.")], reason)]).ends("completed", reason)
    };
    let whole_and_cut = || [listing(), with("toolu_2", "todo_create", "{\"title\":\"Mil")];
    let many = |count: usize| (0..count).map(|n| call(&format!("toolu_{n}"), "fly"));
    let pauses = |count: usize| (0..count).map(|_| says([text("…")], "pause_turn"));
    vec![
        Row::new("a call that came whole before one that was cut off")
            .claude([says(whole_and_cut(), "max_tokens")])
            .did(LISTED)
            .told(["Your last reply was cut off"])
            .untold(["toolu_2"]),
        Row::new("a thought that was cut off behind a call")
            .claude([says([listing(), raw(r#"{"type":"thinking","thinking":"Hm"}"#)], "max_tokens")])
            .did(LISTED),
        Row::new("a call that was cut off")
            .claude([says([with("a", "todo_list", "{")], "max_tokens")])
            .ends("completed", "max_tokens"),
        stop("a text that was cut off", "max_tokens"),
        Row::new("a call before the context is full")
            .claude([says(whole_and_cut(), "model_context_window_exceeded")])
            .did(LISTED)
            .ends("completed", "model_context_window_exceeded"),
        stop("a full context", "model_context_window_exceeded"),
        Row::new("a refusal with a call in it")
            .claude([says([listing()], "refusal")])
            .ends("completed", "refusal"),
        Row::new("a refusal after a call")
            .claude([wants([listing()]), says([text("Nein.")], "refusal")])
            .did(LISTED)
            .ends("completed", "refusal"),
        stop("a refusal", "refusal"),
        Row::new("no stop reason, with a call").claude([Reply::Says(vec![listing()], None)]).did(LISTED),
        Row::new("no stop reason, with a text")
            .claude([Reply::Says(vec![text("Hm.")], None)])
            .ends("completed", "missing"),
        Row::new("an unknown stop reason, with a call").claude([says([listing()], "dreaming")]).did(LISTED),
        stop("an unknown stop reason, with a text", "dreaming"),
        Row::new("a call although the turn has ended").claude([says([listing()], "end_turn")]).did(LISTED),
        stop("a wish for tools without a call", "tool_use"),
        Row::new("a stop sequence")
            .claude([says([text("Hm.")], "stop_sequence")])
            .ends("idle", "stop_sequence"),
        Row::new("a pause").claude(pauses(1)).ends("idle", "end_turn").told(["Go on."]),
        Row::new("a pause over a tool of the API's side")
            .claude([says(
                [raw(r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}"#)],
                "pause_turn",
            )])
            .ends("idle", "end_turn")
            .untold(["Go on."]),
        Row::new("a pause without words").claude([says([text(" ")], "pause_turn")]).ends("idle", "end_turn"),
        Row::new("pauses without end").claude(pauses(9)).ends("completed", "pause_turn"),
        Row::new("a pause with a call").claude([says([listing()], "pause_turn")]).did(LISTED),
        Row::new("more calls than a turn may have")
            .claude([wants(many(501))])
            .did((0..500).map(|_| ("fly", "error")))
            .ends("completed", "max_actions"),
        Row::new("more rounds than a turn may have")
            .claude((0..99).map(|n| wants([call(&format!("toolu_{n}"), "fly")])))
            .did((0..15).map(|_| ("fly", "error")))
            .ends("completed", "max_rounds"),
        Row::new("a tool that Claude refuses")
            .refusing(&["todo_create"])
            .claude([wants([listing()])])
            .did(LISTED)
            .recorded(["todo.create", "Claude refuses the tool"]),
        Row::new("two tools that Claude refuses")
            .refusing(&["todo_create", "notes_search"])
            .claude([wants([listing()])])
            .did(LISTED),
    ]
}

/// What is said to who asks for ratings.
fn ratings() -> Vec<Row> {
    let rated = |name: &'static str, said: &str| {
        let reply = says([text(said)], "end_turn");
        Row::new(name).claude([wants([listing()])]).did(LISTED).ratings([reply])
    };
    let todo = r#"{"ratings": [{"module": "todo", "rating": 5, "notes": "gut"}]}"#;
    let scored = |score: &str| todo.replace('5', score);
    vec![
        rated("ratings within prose", &format!("Gern: ```json\n{todo}\n``` Bis bald!")).rated(),
        rated(
            "ratings with a field of the future",
            &todo.replace("{\"ratings\"", "{\"mood\": 7, \"ratings\""),
        )
        .rated(),
        rated("no ratings at all", "Heute nicht.").recorded(["holds no JSON object"]),
        rated("a rating of seven", &scored("7")),
        rated("a rating that is no number", &scored("\"gut\"")),
        rated("a rating below one", &scored("-1")),
        rated("ratings that nest too deep", &"[".repeat(10_000)).recorded(["holds no JSON object"]),
        rated("ratings of nothing that was used", r#"{"ratings": [{"module": "chess", "rating": 5}]}"#),
    ]
}
