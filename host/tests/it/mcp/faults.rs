//! Against servers that refuse, stall or are not there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::IntoResponse as _;
use axum::routing::post;
use axum::{Json, Router};
use domain::ids::SpaceId;
use http::{HeaderMap, StatusCode};
use persona_host::mcp::{Mcp, Options};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{PATIENCE, mcp, next, open};
use crate::support::http::{Nobody, Server, client};

#[tokio::test]
async fn a_server_that_is_down_is_named() {
    let nobody = Nobody::there();
    let url = nobody.url("/mcp");
    let error = open(&mcp(url.clone(), PATIENCE)).await.expect_err("nobody listens");
    assert_eq!(error.code(), "mcp-unreachable");
    assert!(
        error.to_string().starts_with(&format!("cannot connect to the MCP server at {url} (")),
        "{error}"
    );
    assert!(error.hint().contains("MANA_MCP_URL"));
}

#[tokio::test]
async fn a_refusal_is_told_apart_by_what_is_refused() {
    for (status, body, code) in [
        (401, json!({"error": "Invalid token: \"exp\" claim timestamp check failed"}), "mcp-token-refused"),
        (
            401,
            json!({"error": "Missing X-Mana-Space header (set to the active Space ID)"}),
            "mcp-space-refused",
        ),
        (403, json!({"error": "Session belongs to a different user"}), "mcp-token-refused"),
        (400, json!({"error": "Bad request"}), "mcp-refused"),
        (503, json!({"error": "restarting"}), "mcp-refused"),
        (200, json!({"name": "not MCP"}), "mcp-broken"),
        (200, json!({"jsonrpc": "2.0", "id": 0, "error": {"code": -32603, "message": "no"}}), "mcp-refused"),
    ] {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = (status, Json(body.clone()));
        let server = Server::start(Router::new().route("/mcp", post(async || answer))).await;
        let error = open(&mcp(server.url("/mcp"), PATIENCE)).await.expect_err("it refuses");
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(&server.url("/mcp")), "{error}");
        if status.as_u16() == 401 {
            assert!(error.to_string().ends_with(&format!("HTTP 401 — {body}")), "{error}");
        }
    }
}

#[tokio::test]
async fn a_token_that_fits_no_header_is_refused_without_being_shown() {
    let mcp = mcp(Nobody::there().url("/mcp"), PATIENCE);
    let error = mcp.open(&"to\nken".into(), &SpaceId::new("s")).await.expect_err("a line break");
    assert_eq!(error.to_string(), "the token holds a character that no HTTP header can carry");
    let error = mcp.open(&"token".into(), &SpaceId::new("s\n")).await.expect_err("a line break");
    assert_eq!(error.to_string(), "the space id holds a character that no HTTP header can carry");
}

/// Says when it is dropped, that is, when nobody waits for the answer any more.
struct Waiting(UnboundedSender<()>);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_server_that_never_answers_the_greeting_is_left_at_the_deadline() {
    let (gone, mut left) = unbounded_channel();
    let stall = async move || {
        let _waiting = Waiting(gone.clone());
        std::future::pending::<()>().await;
    };
    let server = Server::start(Router::new().route("/mcp", post(stall))).await;
    let options =
        Options { url: server.url("/mcp"), call_timeout: PATIENCE, open_timeout: Duration::from_millis(100) };
    let error = open(&Mcp::new(client(), options)).await.expect_err("nothing comes");
    assert_eq!(error.code(), "mcp-deadline");
    next(&mut left).await;
}

/// A stream that says this again and again, and nothing else.
fn chatter(text: &'static str) -> axum::response::Response {
    let says = futures_util::stream::unfold((), move |()| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(text.as_bytes())), ()))
    });
    ([("content-type", "text/event-stream")], Body::from_stream(says)).into_response()
}

/// Comments, pings and progress are no answer, and none of them makes the wait for it longer.
#[tokio::test]
async fn whatever_a_server_says_meanwhile_the_answer_to_a_call_has_its_deadline() {
    for text in [
        ": still here\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1}}\n\n",
    ] {
        let answer = move |Json(asked): Json<Value>| async move {
            let result = match asked["method"].as_str() {
                Some("initialize") => json!({
                    "protocolVersion": "2025-11-25",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "chatty", "version": "1"},
                }),
                Some("tools/call") => return chatter(text),
                _ => return StatusCode::ACCEPTED.into_response(),
            };
            Json(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result})).into_response()
        };
        let server = Server::start(Router::new().route("/mcp", post(answer))).await;
        let session = open(&mcp(server.url("/mcp"), Duration::from_millis(300))).await.expect("it opens");
        let called = tokio::time::timeout(PATIENCE, session.call("todo.create", &json!({}))).await;
        let error = called.expect("it ends").expect_err("there is no answer");
        assert_eq!((error.code(), error.is_answer_lost()), ("mcp-deadline", true), "{text}: {error}");
        session.close().await;
    }
}

#[tokio::test]
async fn a_session_whose_opening_breaks_off_after_the_server_has_named_it_is_closed_again() {
    let (closed, mut goodbyes) = unbounded_channel();
    let stall = async || {
        let nothing = Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>());
        ([("mcp-session-id", "half-session"), ("content-type", "text/event-stream")], nothing)
    };
    let goodbye = async move |headers: HeaderMap| {
        let _ = closed.send(headers["mcp-session-id"].clone());
    };
    let server = Server::start(Router::new().route("/mcp", post(stall).delete(goodbye))).await;
    let options =
        Options { url: server.url("/mcp"), call_timeout: PATIENCE, open_timeout: Duration::from_millis(100) };
    let error = open(&Mcp::new(client(), options)).await.expect_err("nothing comes");
    assert_eq!(error.code(), "mcp-deadline");
    assert_eq!(next(&mut goodbyes).await, "half-session");
}

#[tokio::test]
async fn a_session_that_opens_when_nobody_waits_any_more_is_closed_again() {
    let release = Arc::new(Notify::new());
    let (arrived, mut greetings) = unbounded_channel();
    let (closed, mut goodbyes) = unbounded_channel();
    let greet = {
        let release = release.clone();
        async move |Json(message): Json<Value>| {
            if message["method"] != "initialize" {
                return StatusCode::ACCEPTED.into_response();
            }
            let _ = arrived.send(());
            release.notified().await;
            let result = json!({"protocolVersion": "2025-06-18", "capabilities": {},
                                "serverInfo": {"name": "late", "version": "1"}});
            let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
            ([("mcp-session-id", "late-session")], Json(answer)).into_response()
        }
    };
    let goodbye = async move |headers: HeaderMap| {
        let _ = closed.send(headers["mcp-session-id"].clone());
    };
    let server = Server::start(Router::new().route("/mcp", post(greet).delete(goodbye))).await;

    let mcp = mcp(server.url("/mcp"), PATIENCE);
    let turn = tokio::spawn(async move { open(&mcp).await.map(drop) });
    next(&mut greetings).await;
    turn.abort();
    assert!(turn.await.expect_err("it was aborted").is_cancelled());
    release.notify_one();
    assert_eq!(next(&mut goodbyes).await, "late-session");
}

/// As a server without streams answers.
#[tokio::test]
async fn a_tool_that_demands_a_task_is_not_offered_when_the_list_comes_as_plain_json_either() {
    let answer = |Json(asked): Json<Value>| async move {
        let result = match asked["method"].as_str() {
            Some("initialize") => json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "plain", "version": "1"},
            }),
            Some("tools/list") => json!({"tools": [
                {"name": "research", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "required"}},
                {"name": "todo.create", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "optional"}},
            ]}),
            _ => return StatusCode::ACCEPTED.into_response(),
        };
        Json(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result})).into_response()
    };
    let server = Server::start(Router::new().route("/mcp", post(answer))).await;
    let session = open(&mcp(server.url("/mcp"), PATIENCE)).await.expect("it opens");
    let tools = session.tools().await.expect("it lists").tools;
    assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["todo.create"]);
    session.close().await;
}
