//! Lists of tools, and their schemas.

use serde_json::{Value, json};

use super::{LISTED, listing};
use crate::wild::claude::{call, wants, with};
use crate::wild::row::Row;
use crate::wild::sent::{never, sent, well};
use crate::wild::server::Said;

pub(super) fn rows() -> Vec<Row> {
    [lists(), no_lists(), schemas()].into_iter().flatten().collect()
}

/// The server lists its tools, and Claude lists the tasks.
fn list(name: &'static str, tools: Said) -> Row {
    Row::new(name).tools([tools]).claude([wants([listing()])]).did(LISTED)
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
        spoilt("a listed tool without a name", json!({"inputSchema": {"type": "object"}}))
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
            "a list with bytes that are no UTF-8",
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
            .tools([Said::Sent(well("application/json", "").encoded("gzip"))])
            .ends("faulted", "mcp-broken")
            .recorded(["gzip", "switch compression off"]),
        Row::new("no list")
            .tools([Said::Result("{}".to_owned())])
            .ends("faulted", "mcp-broken")
            .recorded(["no list of tools"]),
        Row::new("a web page")
            .tools([Said::Whole("text/html", b"<html>".to_vec())])
            .ends("faulted", "mcp-broken")
            .recorded(["text/html"]),
        Row::new("a list of nothing").tools([Said::result(&json!({"tools": []}))]).ends("idle", "end_turn"),
    ]
}

/// Schemas that Claude does not take, and arguments that the originals do not take.
fn schemas() -> Vec<Row> {
    let of = |schema: Value| Said::and_tools(&[json!({"name": "todo.odd", "inputSchema": schema})]);
    let odd = |name: &'static str, schema: Value| {
        Row::new(name).tools([of(schema)]).claude([wants([call("a", "todo_odd")])]).did([("todo.odd", "ok")])
    };
    let either = || json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let asked = |name: &'static str, arguments: &str| {
        Row::new(name).tools([of(either())]).claude([wants([with("a", "todo_odd", arguments)])])
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
        odd("an argument whose name is no ASCII", json!({"type": "object", "properties": {"größe": {}}})),
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

/// What is no list, or none yet.
fn no_lists() -> Vec<Row> {
    let failed = |name: &'static str, said: Said, code: &'static str| {
        Row::new(name).tools([said]).ends("faulted", code)
    };
    let json = "application/json";
    vec![
        failed("a list that never comes", Said::Sent(never()), "mcp-deadline").recorded(["tools/list"]),
        failed("a list that comes by drops", Said::Sent(well(json, "{").then_drips(" ")), "mcp-deadline"),
        failed("a list that is cut", Said::Sent(well(json, "{\"jsonrpc\"").cut()), "mcp-broken"),
        failed("a list of a gigabyte", Said::Sent(well(json, "{").then_a_gigabyte_of(" ")), "mcp-broken")
            .reads(8 << 20),
        failed("a list that is refused", Said::Sent(sent(500, "oops")), "mcp-refused").recorded(["HTTP 500"]),
        list("a list that is asked for too early", Said::Refused(sent(429, "").with("retry-after", "0"))),
    ]
}
