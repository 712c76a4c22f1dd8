//! What comes from Claude in the place of a reply.

use super::{LISTED, listing};
use crate::wild::claude::{Reply, wants};
use crate::wild::row::Row;
use crate::wild::sent::{Sent, events, never, sent, well};

pub(super) fn rows() -> Vec<Row> {
    [bodies(), refusals(), broken_streams(), later_ones()].into_iter().flatten().collect()
}

/// This is Claude's first reply, and the turn's end.
fn fails(name: &'static str, said: Sent, code: &'static str) -> Row {
    Row::new(name).claude([Reply::Sent(said)]).ends("faulted", code)
}

fn error(status: u16, kind: &str) -> Sent {
    let body = format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"Because."}},"request_id":"req_1"}}"#
    );
    sent(status, body).with("content-type", "application/json")
}

/// Answers that are no stream, or that nobody can read.
fn bodies() -> Vec<Row> {
    let encoded = |name, encoding| fails(name, events("").encoded(encoding), "claude-unreadable");
    vec![
        encoded("a reply in gzip", "gzip").recorded(["gzip"]),
        encoded("a reply in br", "br").recorded(["switch compression off"]),
        encoded("a reply in deflate and zstd", "deflate, zstd").recorded(["zstd"]),
        fails("JSON where a stream was wanted", well("application/json", "{}"), "claude-unreadable")
            .recorded(["not a stream of events"]),
        fails("a web page in the place of a reply", well("text/html", "<html>"), "claude-unreadable"),
        fails("a reply without a content type", sent(200, ""), "claude-unreadable"),
    ]
}

/// What the API refuses, as it says it and as others do.
fn refusals() -> Vec<Row> {
    let limit = |wait| error(429, "rate_limit_error").with("retry-after", wait);
    vec![
        fails("a request that is refused", error(400, "invalid_request_error"), "claude-request-refused")
            .recorded(["Because.", "req_1"]),
        fails("a request that is too large", error(413, "request_too_large"), "claude-request-too-large")
            .recorded(["offer fewer tools"]),
        fails("a failure of the API", error(500, "api_error"), "claude-server-error").recorded(["HTTP 500"]),
        fails("an API that is not available", error(503, "api_error"), "claude-server-error"),
        fails("an API that takes too long", error(504, "timeout_error"), "claude-server-error"),
        fails("a conflict", error(409, "conflict_error"), "claude-server-error"),
        fails("an API that is overloaded", error(529, "overloaded_error"), "claude-overloaded")
            .ends("stopped", "claude-overloaded"),
        fails("a gateway's page", sent(502, "<html>Bad gateway"), "claude-server-error")
            .recorded(["Bad gateway"]),
        fails("a refusal without words", sent(400, ""), "claude-request-refused").recorded(["(no body)"]),
        fails("a refusal in gzip", error(400, "").encoded("gzip"), "claude-request-refused").recorded([
            "HTTP 400",
            "gzip",
            "switch compression off",
        ]),
        fails("a failure of the API in br", error(500, "").encoded("br"), "claude-server-error")
            .recorded(["HTTP 500", "switch compression off"]),
        fails("a refusal that is cut", sent(400, "{\"type\":").cut(), "claude-request-refused"),
        fails("a refusal by drops", sent(400, "no ").then_drips("no "), "claude-request-refused")
            .recorded(["no no"]),
        fails("a refusal of a gigabyte", sent(500, "").then_a_gigabyte_of("x"), "claude-server-error")
            .reads(64 << 10),
        fails(
            "a redirect of Claude's",
            sent(302, "").with("location", "http://127.0.0.1:1/"),
            "claude-request-refused",
        ),
        fails("a limit of requests", limit("0"), "claude-rate-limit")
            .ends("stopped", "claude-rate-limit")
            .recorded(["HTTP 429"])
            .last(),
        fails("a limit that names no time", error(429, "rate_limit_error"), "claude-rate-limit")
            .ends("stopped", "claude-rate-limit")
            .last(),
    ]
}

/// Streams that do not come to their end.
fn broken_streams() -> Vec<Row> {
    let start = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":1}}}\n\n";
    let inside = |kind: &str| {
        let error = format!(r#"{{"type":"error","error":{{"type":"{kind}","message":"Because."}}}}"#);
        events(&format!("{start}event: error\ndata: {error}\n\n"))
    };
    let begun = || events(start);
    vec![
        fails("an overload in the middle of a reply", inside("overloaded_error"), "claude-overloaded")
            .recorded(["broke off its reply"]),
        fails("a failure in the middle of a reply", inside("api_error"), "claude-server-error"),
        fails(
            "an error of the future in the middle of a reply",
            inside("brand_new_error"),
            "claude-request-refused",
        ),
        fails("a reply that is cut", begun().cut(), "claude-reply-incomplete"),
        fails("a reply without an end", begun(), "claude-reply-incomplete"),
        fails("a stream of nothing", events(""), "claude-reply-incomplete"),
        fails("a stream of nonsense", events("data: nonsense\n\n"), "claude-reply-incomplete"),
        fails("a reply that never comes", never(), "claude-silent").recorded(["model.idle_timeout"]),
        fails(
            "pings and no reply",
            begun().then_drips("event: ping\ndata: {\"type\":\"ping\"}\n\n"),
            "claude-no-content",
        ),
        fails("remarks and no reply", events("").then_drips(": wait\n\n"), "claude-no-content"),
        fails(
            "an event of Claude's of a gigabyte",
            events("data: ").then_a_gigabyte_of("x"),
            "claude-unreadable",
        )
        .reads(4 << 20),
    ]
}

/// What comes later in a day costs none of what was done before.
fn later_ones() -> Vec<Row> {
    let then = |name: &'static str, said: Sent, code: &'static str| {
        let row = Row::new(name).claude([wants([listing()]), Reply::Sent(said)]);
        // The journal has the call, and the turn goes on from there.
        row.carried_out(1).recorded(["main/01/000"]).ends("faulted", code)
    };
    let at_the_end = |name: &'static str, said: Sent, code: &'static str| {
        let row = Row::new(name).claude([wants([listing()])]).ratings([Reply::Sent(said)]);
        row.did(LISTED).ends("faulted", code)
    };
    vec![
        then("a failure of the API after a call", error(500, "api_error"), "claude-server-error"),
        then("a reply that is cut after a call", events("data: {").cut(), "claude-reply-incomplete"),
        at_the_end("a failure of the API before the ratings", error(500, "api_error"), "claude-server-error"),
        at_the_end("ratings in gzip", events("").encoded("gzip"), "claude-unreadable").recorded(["gzip"]),
    ]
}
