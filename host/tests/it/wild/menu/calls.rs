//! What the MCP server says to calls, and what becomes of sessions.

use serde_json::{Value, json};

use super::{LISTED, listing};
use crate::wild::claude::{call, wants};
use crate::wild::row::Row;
use crate::wild::sent::{events, never, sent, well};
use crate::wild::server::Said;

pub(super) fn rows() -> Vec<Row> {
    [results(), troubles(), sessions(), openings()].into_iter().flatten().collect()
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
        result("half a character in an answer", Said::Result(r#"{"content":[{"type":"text","text":"we\ud83dll"}]}"#.to_owned())).told(["we\u{FFFD}ll"]),
        result("an answer with bytes that are no UTF-8", Said::Whole("application/json", done.replace("well", "w\u{1}").into_bytes().into_iter().map(|byte| if byte == 1 { 0xFF } else { byte }).collect())).told(["w\u{FFFD}"]),
        result("a result that is a text", Said::Result("\"well\"".to_owned())).told(["well"]),
        result("a result of an old protocol", Said::result(&json!({"toolResult": "well"}))).told(["well"]),
        failed("an error said as text", Said::result(&json!({"content": [{"type": "text", "text": "no"}], "isError": "true"}))),
        failed("an error of the protocol", Said::Whole("application/json", br#"{"id":$ID,"error":{"code":-32602,"message":"no such"}}"#.to_vec())).told(["no such"]),
        failed("an error without a code", Said::Whole("application/json", br#"{"id":null,"error":"oh"}"#.to_vec())).told(["oh"]),
        unknown("an answer that is no JSON", Said::Whole("application/json", b"{".to_vec())).told(["no JSON"]),
        unknown("an answer in gzip", Said::Sent(well("application/json", "").encoded("gzip"))).told(["gzip"]),
        unknown("a failure of the server", Said::Sent(sent(500, "oops"))).told(["HTTP 500"]),
        unknown("an empty answer", Said::Nothing),
        unknown("an answer that nests too deep", Said::Result(deep)),
        unknown("an answer of nine megabytes", Said::Result(large)),
        unknown("a stream that ends without an answer", Said::events(": hello\n\n")),
        unknown("a stream of nonsense in answer to a call", Said::events("data: nonsense\n\n")).told(["no JSON"]),
        result("a long answer", Said::text(&"x".repeat(100_000))).told(["cut here"]),
        result("an answer behind progress, pings and nonsense", Said::events(&format!(
            "data: {{\"method\":\"notifications/progress\",\"params\":{{}}}}\n\ndata: {{\"id\":\"p\",\"method\":\"ping\"}}\n\n\
             data: {{\"id\":9,\"method\":\"sampling/createMessage\"}}\n\ndata: nonsense\n\nevent: ping\ndata: {{}}\n\ndata: {done}\n\n"
        ))).told(["well"]),
        result("an answer to another question before ours", Said::events(&format!("data: {{\"id\":999,\"result\":{{\"content\":[]}}}}\n\ndata: {done}\n\n"))).told(["well"]),
        Row::new("an answer that breaks off, and the day goes on")
            .claude([wants([listing()]), wants([call("toolu_2", "todo_list")])])
            .calls([Said::Sent(well("application/json", "{\"jsonrpc\"").cut())])
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

/// Answers that do not come, or not as answers.
fn troubles() -> Vec<Row> {
    let unknown = |name: &'static str, said| result(name, Said::Sent(said)).did([("todo.list", "unknown")]);
    let busy = |status: u16| sent(status, "slowly").with("retry-after", "0");
    let repeated = |name: &'static str, refused| result(name, Said::Refused(refused)).carried_out(1);
    let refused = |name: &'static str, said: Vec<Said>| {
        Row::new(name).claude([wants([listing()])]).calls(said).did([("todo.list", "error")]).carried_out(0)
    };
    let json = "application/json";
    let note = "data: {\"method\":\"notifications/progress\",\"params\":{}}\n\n";
    let done = r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"well"}]}}"#;
    vec![
        repeated("a call that is asked again at once", busy(429)),
        repeated("a call that is asked again after a moment", sent(429, "slowly")),
        repeated("a call that is asked again when the server is back", busy(503)),
        repeated("a call that is asked again although nobody can read why", busy(429).encoded("gzip")),
        refused("a call that the server takes at no time", vec![Said::Refused(busy(429)); 3])
            .told(["takes no more for now, and did nothing"]),
        refused(
            "a call that the server takes in an hour",
            vec![Said::Refused(sent(429, "slowly").with("retry-after", "3600"))],
        )
        .told(["did nothing: HTTP 429"]),
        unknown("a server that is not available", sent(503, "soon")).told(["HTTP 503"]),
        unknown("a gateway that heard nothing", sent(502, "<html>")).told(["HTTP 502"]),
        unknown("a failure in an encoding", sent(500, "").encoded("br")).told(["HTTP 500", "br"]),
        unknown("a failure that is cut", sent(500, "oo").cut()).told(["HTTP 500"]),
        unknown("a failure of a gigabyte", sent(500, "").then_a_gigabyte_of("x"))
            .told(["HTTP 500"])
            .reads(64 << 10),
        unknown("a redirect", sent(302, "").with("location", "http://169.254.169.254/")).told(["HTTP 302"]),
        unknown("an answer that never comes", never()).told(["did not answer"]),
        unknown("an answer that comes by drops", well(json, "{").then_drips(" ")).told(["did not answer"]),
        unknown("a stream of pings without end", events("").then_drips(": ping\n\n"))
            .told(["did not answer"]),
        result(
            "an answer behind twenty thousand events",
            Said::events(&format!("{}data: {done}\n\n", note.repeat(20_000))),
        )
        .told(["well"]),
        unknown("an answer of a gigabyte", well(json, "\"").then_a_gigabyte_of("x")).reads(8 << 20),
        unknown("an event of a gigabyte", events("data: ").then_a_gigabyte_of("x")).reads(8 << 20),
    ]
}

/// Sessions that are not opened, or not at once.
fn openings() -> Vec<Row> {
    let failed = |name: &'static str, said: Said, code: &'static str| {
        Row::new(name).opening([said]).ends("faulted", code)
    };
    let busy = || Said::Refused(sent(429, "slowly").with("retry-after", "0"));
    let json = "application/json";
    vec![
        Row::new("a session that is opened when it is asked for again")
            .opening([busy()])
            .claude([wants([listing()])])
            .did(LISTED)
            .rated(),
        Row::new("a session that is opened at no time")
            .opening(vec![busy(); 3])
            .ends("faulted", "mcp-busy")
            .recorded(["HTTP 429", "PERSONA_CONCURRENCY"]),
        failed("a session that the server fails to open", Said::Sent(sent(500, "oops")), "mcp-refused"),
        failed("a session of a web page", Said::Sent(well("text/html", "<html>")), "mcp-broken"),
        failed("a session that is cut off", Said::Sent(well(json, "{").cut()), "mcp-broken"),
        failed("a session that is never opened", Said::Sent(never()), "mcp-deadline")
            .recorded(["initialize"]),
        failed("a session of a gigabyte", Said::Sent(well(json, "{").then_a_gigabyte_of(" ")), "mcp-broken")
            .reads(8 << 20),
        failed("a session in gzip", Said::Sent(well(json, "").encoded("gzip")), "mcp-broken")
            .recorded(["gzip"]),
        failed("a session for another space", Said::Sent(sent(403, "not your Space")), "mcp-space-refused"),
        failed("a session that is not for this token", Said::Sent(sent(403, "no")), "mcp-token-refused"),
        failed(
            "a session that the protocol refuses",
            Said::Whole(
                json,
                br#"{"jsonrpc":"2.0","id":$ID,"error":{"code":-32600,"message":"no"}}"#.to_vec(),
            ),
            "mcp-refused",
        ),
    ]
}
