//! The Messages API client, against a server that answers word for word what a test wants.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use bytes::Bytes;
use domain::usage::Usage;
use futures_util::stream;
use persona_host::model::{
    Block, Claude, Message, MessageRequest, Offer, Said, StopReason, ToolDefinition, ToolResult,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{KEY, client, options, request};

/// A server that gives one prepared answer after the other, and remembers what it was asked.
struct Odd {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

#[derive(Clone)]
struct OddState {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    asked: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    /// Sent one by one.
    chunks: Vec<Bytes>,
}

impl Answer {
    fn stream(bytes: &[u8], chunk: usize) -> Self {
        let chunks = bytes.chunks(chunk).map(Bytes::copy_from_slice).collect();
        Self { status: 200, headers: &[("content-type", "text/event-stream")], chunks }
    }

    fn of(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Self {
        Self { status, headers, chunks: vec![Bytes::from(body)] }
    }
}

async fn odd(answers: impl IntoIterator<Item = Answer>) -> Odd {
    async fn give(State(state): State<OddState>, headers: HeaderMap, body: Bytes) -> Response<Body> {
        state.asked.lock().expect("no panic").push((headers, body));
        let answer = state.answers.lock().expect("no panic").pop_front().expect("an answer for each request");
        let chunks = stream::iter(answer.chunks.into_iter().map(Ok::<_, Infallible>));
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(*name, *value);
        }
        response.body(Body::from_stream(chunks)).expect("a response")
    }
    let asked = Arc::default();
    let state =
        OddState { answers: Arc::new(Mutex::new(answers.into_iter().collect())), asked: Arc::clone(&asked) };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let routes = Router::new().fallback(give).with_state(state);
    // It ends with the runtime of its test.
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Odd { address, asked }
}

impl Odd {
    fn client(&self) -> Claude {
        client(options(&format!("http://{}", self.address)))
    }
}

const ODD_STREAM: &str = "\u{feff}: hello\r\nevent: message_start\rdata: {\"type\":\"message_start\",\r\n\
    data:\"message\":{\"id\":\"msg_1\"}}\n\nevent:content_block_start\nid: 7\nretry: 1\nnonsense\n\
    data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\r\r\
    data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grüße 🙂\"}}\n\n\
    data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\r\n\r\n\
    data: {\"type\":\"message_stop\"}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn a_stream_of_odd_bytes_is_understood_whatever_its_chunks() {
    let sizes = [1, 2, 3, 5, 7, 64, 4096];
    let server = odd(sizes.map(|size| Answer::stream(ODD_STREAM.as_bytes(), size))).await;
    for size in sizes {
        let reply = server.client().message(&request()).await.expect("a reply");
        assert_eq!((reply.said.text().as_str(), reply.attempts), ("Grüße 🙂", 1), "chunks of {size}");
        // A local server that counts nothing, and does not say which model it is.
        assert_eq!((reply.usage, reply.model.as_str()), (Usage::default(), "claude-haiku-5-5"));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_reply_is_shown() {
    const JSON: &[(&str, &str)] = &[("content-type", "application/json"), ("request-id", "req_9")];
    let huge = format!("data: \"{}\"\n\n", "x".repeat(5 << 20));
    let rows = [
        (
            Answer::of(200, JSON, "{}"),
            1,
            "it is \"application/json\" and not a stream of events (request-id req_9)",
        ),
        (Answer::of(200, &[], ""), 1, "it is \"\" and not a stream of events"),
        (Answer::stream(huge.as_bytes(), 1 << 20), 1, "one event of the stream is longer than 4194304 bytes"),
        (Answer::of(404, &[], "<html>\n  not   here"), 1, "HTTP 404 — <html> not here"),
        (Answer::of(418, &[], ""), 1, "HTTP 418 — (no body)"),
        (Answer::of(400, &[("x-should-retry", "true")], "later"), 5, "HTTP 400 — later, after 5 attempts"),
        (Answer::of(529, &[("x-should-retry", "false")], "no"), 1, "HTTP 529 — no"),
        (Answer::of(502, &[], "bad gateway"), 5, "HTTP 502 — bad gateway, after 5 attempts"),
        (
            Answer::stream(b"event: message_stop\ndata: {\n\n", 64),
            5,
            "message_stop is not JSON: EOF while parsing an object at line 1 column 1, after 5 attempts",
        ),
    ];
    for (answer, attempts, expected) in rows {
        let server = odd(vec![answer; 5]).await;
        let error = server.client().message(&request()).await.expect_err("no reply");
        let text = error.to_string();
        assert!(text.ends_with(expected), "{text}");
        assert_eq!(
            (error.attempts, server.asked.lock().expect("no panic").len()),
            (attempts, attempts as usize)
        );
    }
}

#[tokio::test]
async fn a_request_is_the_same_bytes_each_time_with_every_prefix_marked_for_the_cache() {
    let server = odd(vec![Answer::stream(ODD_STREAM.as_bytes(), 4096); 3]).await;
    let short = ToolDefinition {
        name: "todo_list".to_owned(),
        description: "Lists.".to_owned(),
        input_schema: json!({"type": "object", "properties": {}}),
    };
    let request = MessageRequest {
        tools: vec![ToolDefinition { name: "todo_create".to_owned(), ..short.clone() }, short].into(),
        messages: vec![
            Message::user("Los."),
            Message::assistant(&Said {
                blocks: vec![Block {
                    raw: json!({"type": "tool_use", "id": "toolu_1", "name": "todo_list", "input": {}}),
                    cut: false,
                    unreadable: None,
                }],
                stop_reason: StopReason::ToolUse,
            }),
            Message::tool_results([ToolResult {
                tool_use_id: "toolu_1".to_owned(),
                text: "not found".to_owned(),
                is_error: true,
            }]),
        ],
        reply_schema: Some(json!({"type": "object"})),
        ..request()
    };
    for _ in 0..2 {
        server.client().message(&request).await.expect("a reply");
    }
    let asked = server.asked.lock().expect("no panic");
    let [(headers, body), (_, again)] = &asked[..] else { panic!("two requests") };
    assert_eq!(body, again);
    insta::assert_json_snapshot!(serde_json::from_slice::<Value>(body).expect("JSON"));
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("anthropic-version"), Some("2026-10-21"));
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!((header("x-api-key"), header("authorization")), (Some(KEY), None));
}

#[tokio::test]
async fn without_caching_nothing_is_marked_and_without_a_key_none_is_sent() {
    let server = odd([Answer::stream(ODD_STREAM.as_bytes(), 4096)]).await;
    let mut options = options(&format!("http://{}", server.address));
    (options.caching, options.api_key) = (false, SecretString::from(""));
    let bare = MessageRequest { system: String::new(), tools: Offer::default(), ..request() };
    client(options).message(&bare).await.expect("a reply");
    let asked = server.asked.lock().expect("no panic");
    let body: Value = serde_json::from_slice(&asked[0].1).expect("JSON");
    let fields: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(fields, ["model", "max_tokens", "stream", "messages"]);
    assert!(!asked[0].0.contains_key("x-api-key"));
}
