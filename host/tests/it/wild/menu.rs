//! The menu: a row for each case.

use serde_json::{Value, json};

use super::Row;
use super::claude::{Part, Reply, call, says, text, wants, with};
use super::server::Said;

/// All rows.
pub(crate) fn rows() -> Vec<Row> {
    [replies(), calls_of_claude(), stops(), bodies(), lists(), schemas(), results(), sessions()]
        .into_iter()
        .flatten()
        .collect()
}

const LISTED: [(&str, &str); 1] = [("todo.list", "ok")];

fn raw(json: &str) -> Part {
    Part::Raw(json.to_owned())
}

fn listing() -> Part {
    call("toolu_1", "todo_list")
}

/// Claude lists the tasks and says this beside it.
fn beside(name: &'static str, part: Part) -> Row {
    Row::new(name).claude([wants([part, listing()])]).did(LISTED)
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
            .claude([Reply::Body(
                &[("content-type", "text/event-stream")],
                said_with(b"caf\xC3", &wants([text("@"), listing()])),
            )])
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
fn calls_of_claude() -> Vec<Row> {
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
        called("no arguments", "").did(created),
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

/// Answers of Claude that are no stream.
fn bodies() -> Vec<Row> {
    let encoded =
        |name: &'static str, headers: &'static [(&'static str, &'static str)], word: &'static str| {
            Row::new(name)
                .claude([Reply::Body(headers, vec![0x1f, 0x8b])])
                .ends("faulted", "claude-unreadable")
                .recorded([word])
        };
    vec![
        encoded("gzip", &[("content-type", "text/event-stream"), ("content-encoding", "gzip")], "gzip"),
        encoded(
            "br",
            &[("content-type", "text/event-stream"), ("content-encoding", "br")],
            "switch compression off",
        ),
        encoded(
            "deflate and zstd",
            &[("content-type", "text/event-stream"), ("content-encoding", "deflate, zstd")],
            "zstd",
        ),
        encoded(
            "JSON where a stream was wanted",
            &[("content-type", "application/json")],
            "not a stream of events",
        ),
    ]
}

/// The server lists its tools, and Claude lists the tasks.
fn list(name: &'static str, tools: Said) -> Row {
    Row::new(name).tools(tools).claude([wants([listing()])]).did(LISTED)
}

/// Lists of tools.
fn lists() -> Vec<Row> {
    let spoilt = |name: &'static str, tool: Value| list(name, Said::and_tools(&[tool]));
    let usual = r#"{"tools":[{"name":"todo.list","inputSchema":{"type":"object"},"description":"@"}]}"#;
    let described = |words: &str| usual.replace('@', words);
    let message = |words: &str| format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{}}}"#, described(words));
    let whole = |kind: &'static str, text: String| Said::Whole(kind, text.into_bytes());
    let long = "x".repeat(1 << 20);
    vec![
        spoilt("a tool without a name", json!({"inputSchema": {"type": "object"}}))
            .recorded(["it has no name"]),
        spoilt("a tool that is a number", json!(7)).recorded(["it is no object"]),
        spoilt("a tool whose schema is a text", json!({"name": "bad", "inputSchema": "x"}))
            .recorded(["its inputSchema is no object"]),
        spoilt("a tool without a schema", json!({"name": "todo.plain"})).told(["todo_plain"]),
        spoilt("a name that comes twice", json!({"name": "todo.list", "inputSchema": {"type": "object"}}))
            .recorded(["has the same name"]),
        spoilt("a name with a control character", json!({"name": "a\u{1b}[2J"}))
            .recorded(["characters that nobody sees"]),
        spoilt("a name that turns the line", json!({"name": "a\u{202E}b"}))
            .recorded(["characters that nobody sees"]),
        spoilt("names that Claude does not take", json!({"name": "größe ändern!"})).told(["gr__e__ndern_"]),
        spoilt(
            "a tool that demands a task",
            json!({"name": "slow", "execution": {"taskSupport": "required"}}),
        )
        .recorded(["called as a task"])
        .untold(["\"slow\""]),
        spoilt(
            "hints that are none",
            json!({"name": "todo.x", "annotations": "yes", "icons": 7, "outputSchema": []}),
        )
        .told(["todo_x"]),
        list("a description of a megabyte", whole("application/json", message(&long))).told(["cut here"]),
        list(
            "a description with what nobody sees",
            whole("application/json", message("a\\u202e\\u200b\\udb40\\udc41b")),
        )
        .told(["\"ab\""]),
        list("half a character in a description", whole("application/json", message("a\\ud83d")))
            .told(["a\u{FFFD}"]),
        list(
            "bytes that are no UTF-8",
            Said::Whole(
                "application/json",
                message("@")
                    .replace('@', "\u{1}")
                    .into_bytes()
                    .into_iter()
                    .map(|byte| if byte == 1 { 0xC3 } else { byte })
                    .collect(),
            ),
        )
        .told(["\u{FFFD}"]),
        list("a list without a content type", whole("", message("it"))),
        list("a list of another kind that is JSON", whole("text/plain", message("it"))),
        list(
            "a cursor that is null",
            Said::Result(described("it").replace("]}", "],\"nextCursor\":null,\"ttlMs\":\"x\"}")),
        ),
        list(
            "an id as text",
            Said::Whole("application/json", message("it").replace("$ID", "\"$ID\"").into_bytes()),
        ),
        list("a batch", Said::Whole("application/json", format!("[{}]", message("it")).into_bytes())),
        list(
            "a stream with lines of no kind",
            Said::events(&format!("\u{feff}nonsense\r\nfoo: 1\r\ndata: {}\r\n\r\n", message("it"))),
        ),
        Row::new("a list in gzip")
            .tools(Said::Encoded("gzip"))
            .ends("faulted", "mcp-broken")
            .recorded(["gzip", "switch compression off"]),
        Row::new("no list")
            .tools(Said::Result("{}".to_owned()))
            .ends("faulted", "mcp-broken")
            .recorded(["no list of tools"]),
        Row::new("a web page")
            .tools(Said::Whole("text/html", b"<html>".to_vec()))
            .ends("faulted", "mcp-broken")
            .recorded(["text/html"]),
        Row::new("a list of nothing").tools(Said::result(&json!({"tools": []}))).ends("idle", "end_turn"),
    ]
}

/// Schemas that Claude does not take, and arguments that the originals do not take.
fn schemas() -> Vec<Row> {
    let of = |schema: Value| Said::and_tools(&[json!({"name": "todo.odd", "inputSchema": schema})]);
    let odd = |name: &'static str, schema: Value| {
        Row::new(name).tools(of(schema)).claude([wants([call("a", "todo_odd")])]).did([("todo.odd", "ok")])
    };
    let either = || json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let asked = |name: &'static str, arguments: &str| {
        Row::new(name).tools(of(either())).claude([wants([with("a", "todo_odd", arguments)])])
    };
    vec![
        odd("anyOf at the top", json!({"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]})),
        odd("oneOf at the top", json!({"type": "object", "oneOf": [{"properties": {"a": {}}}]})),
        odd("allOf at the top", json!({"type": "object", "allOf": [{"properties": {"a": {}}}]})),
        odd(
            "a reference at the top",
            json!({"$ref": "#/definitions/A", "definitions": {"A": {"type": "object"}}}),
        ),
        odd(
            "a reference to elsewhere",
            json!({"type": "object", "properties": {"a": {"$ref": "https://example.test/a"}}}),
        ),
        odd("a reference to itself", json!({"type": "object", "properties": {"a": {"$ref": "#"}}})),
        odd("a type that is none", json!({"type": "object", "properties": {"a": {"type": "any"}}})),
        odd(
            "a limit of draft 4",
            json!({"type": "object", "properties": {"a": {"minimum": 1, "exclusiveMinimum": true}}}),
        ),
        odd(
            "a tuple of draft 7",
            json!({"type": "object", "properties": {"a": {"type": "array", "items": [{}]}}}),
        ),
        odd("a name that is no ASCII", json!({"type": "object", "properties": {"größe": {}}})),
        odd("a schema of another type", json!({"type": ["object", "null"]})),
        asked("arguments that the original takes", r#"{"a":"x"}"#).did([("todo.odd", "ok")]),
        asked("arguments that the original does not take", r#"{"c":1}"#)
            .did([("todo.odd", "error")])
            .told(["do not fit"]),
        asked("an argument of a type that the original does not take", r#"{"a":1}"#)
            .did([("todo.odd", "error")])
            .told(["/a: 1 is not of type"]),
    ]
}

/// Claude lists the tasks, and this is the answer.
fn result(name: &'static str, said: Said) -> Row {
    Row::new(name).claude([wants([listing()])]).calls([said]).did(LISTED)
}

/// Results of calls.
fn results() -> Vec<Row> {
    let content = |content: Value| Said::result(&json!({"content": content}));
    let failed =
        |name: &'static str, said: Said| result(name, said).did([("todo.list", "error")]).carried_out(1);
    let unknown = |name: &'static str, said: Said| result(name, said).did([("todo.list", "unknown")]);
    let done = r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"well"}]}}"#;
    let deep = format!(r#"{{"content":[{}{}]}}"#, "[".repeat(300), "]".repeat(300));
    let large = format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(9 << 20));
    vec![
        result("content of an unknown kind", content(json!([{"type": "hologram"}, {"type": "text", "text": "well"}]))).told(["hologram", "well"]),
        result("an image that is none", content(json!([{"type": "image", "data": 7}]))).told(["of the kind"]),
        result("a resource that is none", content(json!([{"type": "resource", "resource": 7}]))).told(["of the kind"]),
        result("content that is a text", content(json!("well"))).told(["well"]),
        result("content that is one block", content(json!({"type": "text", "text": "well"}))).told(["well"]),
        result("content that is null", Said::result(&json!({"content": null, "structuredContent": {"well": 1}}))).told(["well"]),
        result("no content", Said::result(&json!({"content": []}))).told(["(no content)"]),
        result("a blank text", Said::text(" \n")).told(["(no content)"]),
        result("an annotation that is none", content(json!([{"type": "text", "text": "well", "annotations": 7}]))).told(["well"]),
        result("half a character", Said::Result(r#"{"content":[{"type":"text","text":"we\ud83dll"}]}"#.to_owned())).told(["we\u{FFFD}ll"]),
        result("bytes that are no UTF-8", Said::Whole("application/json", done.replace("well", "w\u{1}").into_bytes().into_iter().map(|byte| if byte == 1 { 0xFF } else { byte }).collect())).told(["w\u{FFFD}"]),
        result("a result that is a text", Said::Result("\"well\"".to_owned())).told(["well"]),
        result("a result of an old protocol", Said::result(&json!({"toolResult": "well"}))).told(["well"]),
        failed("an error said as text", Said::result(&json!({"content": [{"type": "text", "text": "no"}], "isError": "true"}))),
        failed("an error of the protocol", Said::Whole("application/json", br#"{"id":$ID,"error":{"code":-32602,"message":"no such"}}"#.to_vec())).told(["no such"]),
        failed("an error without a code", Said::Whole("application/json", br#"{"id":null,"error":"oh"}"#.to_vec())).told(["oh"]),
        unknown("an answer that is no JSON", Said::Whole("application/json", b"{".to_vec())).told(["no JSON"]),
        unknown("an answer in gzip", Said::Encoded("gzip")).told(["gzip"]),
        unknown("a failure of the server", Said::Status(500, "oops")).told(["HTTP 500"]),
        unknown("a limit of the server", Said::Status(429, "slowly")).told(["HTTP 429"]),
        unknown("an empty answer", Said::Status(202, "")),
        unknown("an answer that nests too deep", Said::Result(deep)),
        unknown("an answer of nine megabytes", Said::Result(large)),
        unknown("a stream that ends without an answer", Said::events(": hello\n\n")),
        unknown("a stream of nonsense", Said::events("data: nonsense\n\n")).told(["no JSON"]),
        result("a long answer", Said::text(&"x".repeat(100_000))).told(["cut here"]),
        result("an answer behind progress, pings and nonsense", Said::events(&format!(
            "data: {{\"method\":\"notifications/progress\",\"params\":{{}}}}\n\ndata: {{\"id\":\"p\",\"method\":\"ping\"}}\n\n\
             data: {{\"id\":9,\"method\":\"sampling/createMessage\"}}\n\ndata: nonsense\n\nevent: ping\ndata: {{}}\n\ndata: {done}\n\n"
        ))).told(["well"]),
        result("an answer to another question before ours", Said::events(&format!("data: {{\"id\":999,\"result\":{{\"content\":[]}}}}\n\ndata: {done}\n\n"))).told(["well"]),
        Row::new("an answer that breaks off, and the day goes on")
            .claude([wants([listing()]), wants([call("toolu_2", "todo_list")])])
            .calls([Said::BreaksOff])
            .did([("todo.list", "unknown"), ("todo.list", "ok")])
            .told(["broke off"]),
    ]
}

/// Sessions and tokens that end in the middle of a day.
fn sessions() -> Vec<Row> {
    let gone = || Said::Lost(404, "Session not found");
    let two = |name: &'static str| {
        Row::new(name).claude([wants([listing()]), wants([call("toolu_2", "todo_list")])])
    };
    let twice = [("todo.list", "ok"), ("todo.list", "ok")];
    vec![
        result("a session that is lost", gone()),
        result(
            "a session that is lost, as the official SDK says it",
            Said::Lost(
                400,
                r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#,
            ),
        ),
        result(
            "a server that began anew",
            Said::Lost(400, r#"{"error":{"message":"Server not initialized"}}"#),
        ),
        result("a session that is gone", Said::Lost(410, "")),
        result("a token that has ended", Said::TokenRefused),
        two("a token and then a session that end")
            .calls([Said::TokenRefused, Said::text("a"), gone()])
            .did(twice),
        result("a session that is lost twice", gone())
            .calls([gone(), gone()])
            .did([])
            .ends("faulted", "mcp-session-lost")
            .carried_out(0),
        result("a token that is refused twice", Said::TokenRefused)
            .calls([Said::TokenRefused, Said::TokenRefused])
            .did([])
            .ends("faulted", "mcp-token-refused")
            .carried_out(0),
    ]
}
