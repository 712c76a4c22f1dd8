//! The Messages API client, against the scripted Claude and (in `odd`) against a server of odd answers.

mod gate;
mod odd;
mod storm;

use std::time::Duration;

use domain::clock::Clock;
use domain::usage::Usage;
use persona_host::model::{
    Claude, Message, MessageRequest, ModelError, Offer, Options, Reply, StopReason, ToolDefinition,
    ToolResult,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use standin::claude::{self, Fault, Script, Serving};
use tokio::net::TcpListener;

const KEY: &str = "sk-test-1234";

async fn scripted(script: Script) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    claude::serve(listener, script, Clock::system()).expect("an address")
}

async fn with_faults(faults: &[Fault]) -> Serving {
    scripted(Script { faults: faults.to_vec(), ..Script::default() }).await
}

/// Waits of a millisecond, so that no test is slow.
fn options(url: &str) -> Options {
    let mut options = Options::new(SecretString::from(KEY));
    options.base_url = url.to_owned();
    options.first_wait = Duration::from_millis(1);
    options
}

fn client(options: Options) -> Claude {
    // Another test may have installed it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    Claude::new(http, options)
}

fn tools() -> Offer {
    let tool = |name: &str, input_schema| ToolDefinition {
        name: name.to_owned(),
        description: format!("{name}: {}", "what it does, at length. ".repeat(40)),
        input_schema,
    };
    let title = json!({"type": "string", "minLength": 1, "maxLength": 120});
    let id = json!({"type": "string", "format": "uuid"});
    Offer::from(vec![
        tool(
            "habits_create",
            json!({"type": "object", "properties": {"title": title}, "required": ["title"]}),
        ),
        tool("todo_complete", json!({"type": "object", "properties": {"id": id}, "required": ["id"]})),
        tool("todo_create", json!({"type": "object", "properties": {"title": title}, "required": ["title"]})),
    ])
}

fn request() -> MessageRequest {
    MessageRequest {
        model: "claude-haiku-5-5".to_owned(),
        system: "Du bist Anna.".to_owned(),
        tools: tools(),
        messages: vec![Message::user(
            "Heute ist der 2026-11-22. Nutze 3–5 Werkzeuge: todo 70 %, habits (30 %).",
        )],
        max_tokens: 2000,
        reply_schema: None,
    }
}

fn rating_request() -> MessageRequest {
    let prompt = "Bewerte von 1 bis 5: todo, habits. Nur JSON der Form {\"ratings\":[…]}.";
    MessageRequest { tools: Offer::default(), messages: vec![Message::user(prompt)], ..request() }
}

/// Answers every call of `reply`, and appends both to the conversation.
fn go_on(request: &mut MessageRequest, reply: &Reply) {
    let result = json!({"task": {"id": "7b0a4c4e-5a53-4d0f-9d5e-0d9f2a1b3c4d"}}).to_string();
    let answer = |call: persona_host::model::ToolUse| ToolResult {
        tool_use_id: call.id,
        text: result.clone(),
        is_error: false,
    };
    request.messages.push(Message::assistant(&reply.said));
    request.messages.push(Message::tool_results(reply.said.tool_uses().into_iter().map(answer)));
}

async fn conversation(claude: &Claude, request: &mut MessageRequest) -> Vec<Reply> {
    let mut replies = Vec::new();
    loop {
        let reply = claude.message(request).await.expect("a reply");
        let goes_on = reply.said.stop_reason == StopReason::ToolUse;
        if goes_on {
            go_on(request, &reply);
        }
        replies.push(reply);
        if !goes_on {
            return replies;
        }
    }
}

#[tokio::test]
async fn a_conversation_goes_on_until_claude_has_no_more_calls() {
    let server = scripted(Script::default()).await;
    let replies = conversation(&client(options(server.url())), &mut request()).await;
    let calls: usize = replies.iter().map(|reply| reply.said.tool_uses().len()).sum();
    assert!((3..=5).contains(&calls), "{calls}");
    let last = replies.last().expect("at least one");
    assert_eq!(last.said.stop_reason, StopReason::EndTurn);
    assert!(last.said.text().contains("todo"), "{}", last.said.text());
    let books = server.books();
    assert_eq!(usize::try_from(books.total.paid), Ok(replies.len()));
    let mut counted = Usage::default();
    replies.iter().for_each(|reply| counted += reply.usage);
    assert_eq!(books.total.usage, counted);
    server.stop().await;
}

#[tokio::test]
async fn the_cache_is_written_once_and_read_in_every_round_and_by_other_personas() {
    let server = scripted(Script { calls_per_turn: Some(2), ..Script::default() }).await;
    let claude = client(options(server.url()));
    let anna: Vec<Usage> =
        conversation(&claude, &mut request()).await.iter().map(|reply| reply.usage).collect();
    let [first, second, third] = anna[..] else { panic!("two calls are three rounds: {anna:?}") };
    assert!(first.cache_read == 0 && first.cache_write_5m > 512, "{first:?}");
    assert_eq!(second.cache_read, first.prompt(), "{second:?}");
    assert_eq!(third.cache_read, second.prompt(), "{third:?}");
    let mut other = MessageRequest { system: "Du bist Ben.".to_owned(), ..request() };
    let ben = conversation(&claude, &mut other).await[0].usage;
    assert!(ben.cache_read > 512 && ben.cache_read < first.prompt(), "{ben:?}");

    let uncached = Options { caching: false, ..options(server.url()) };
    let reply = client(uncached).message(&request()).await.expect("a reply");
    assert_eq!((reply.usage.cache_read, reply.usage.cache_write_5m), (0, 0));
    // Haiku 5.5: 100 billionths of a dollar for a prompt token, 500 for one of the reply.
    let cost = reply.cost.expect("a known price").0;
    assert_eq!(cost, reply.usage.input * 100 + reply.usage.output * 500);
    server.stop().await;
}

#[tokio::test]
async fn an_enforced_format_goes_on_the_wire_and_the_rating_is_bare_json() {
    let server = scripted(Script { fence: 1.0, ..Script::default() }).await;
    let claude = client(options(server.url()));
    let free = claude.message(&rating_request()).await.expect("a reply");
    assert!(serde_json::from_str::<Value>(&free.said.text()).is_err(), "{}", free.said.text());
    let rating = json!({"type": "object", "additionalProperties": false, "required": ["module"],
        "properties": {"module": {"type": "string"}, "rating": {"type": "integer", "enum": [1, 2, 3, 4, 5]}}});
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["ratings"],
        "properties": {"ratings": {"type": "array", "items": rating}}});
    let held = MessageRequest { reply_schema: Some(schema), ..rating_request() };
    let held = claude.message(&held).await.expect("a reply");
    let ratings: Value = serde_json::from_str(&held.said.text()).expect("bare JSON");
    let modules: Vec<&Value> =
        ratings["ratings"].as_array().expect("a list").iter().map(|rating| &rating["module"]).collect();
    assert_eq!(modules, ["todo", "habits"]);
    server.stop().await;
}

#[tokio::test]
async fn every_stop_reason_arrives() {
    let reasons = [
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "model_context_window_exceeded",
        "sunset",
    ];
    let server = with_faults(&reasons.map(Fault::StopsFor)).await;
    let claude = client(options(server.url()));
    for reason in reasons {
        let reply = claude.message(&request()).await.expect("a reply");
        assert_eq!((reply.said.stop_reason.name(), reply.said.text().as_str()), (reason, "Bis hierher."));
    }
    server.plan_fault(Fault::Refusal);
    let reply = claude.message(&request()).await.expect("a reply");
    let expected = StopReason::Refusal { category: Some("general_harms".to_owned()) };
    assert_eq!((reply.said.stop_reason, reply.said.blocks), (expected, vec![]));
    server.stop().await;
}

#[tokio::test]
async fn what_can_pass_is_repeated_and_the_reply_is_the_same() {
    let rows: [(&[Fault], u32); 12] = [
        (&[], 1),
        (&[Fault::Overloaded], 2),
        (&[Fault::Overloaded, Fault::OverloadedInside, Fault::CutAfter(700), Fault::Overloaded], 5),
        (&[Fault::OverloadedInside], 2),
        (&[Fault::RateLimit { retry_after: None }], 2),
        (&[Fault::RateLimit { retry_after: Some(Duration::from_micros(500)) }], 2),
        (&[Fault::Error { status: 408, kind: "timeout_error" }], 2),
        (&[Fault::Error { status: 409, kind: "conflict_error" }], 2),
        (&[Fault::Error { status: 500, kind: "api_error" }], 2),
        (&[Fault::Error { status: 503, kind: "api_error" }], 2),
        (&[Fault::Stall], 2),
        (&[Fault::OnlyPings], 2),
    ];
    let mut replies = Vec::new();
    for (faults, attempts) in rows {
        let server = with_faults(faults).await;
        let mut options = options(server.url());
        if faults.iter().any(|fault| matches!(fault, Fault::Stall | Fault::OnlyPings)) {
            options.idle_timeout = Duration::from_millis(500);
        }
        let reply = client(options).message(&request()).await.expect("a reply");
        assert_eq!(reply.attempts, attempts, "{faults:?}");
        replies.push((reply.said.blocks, reply.said.stop_reason));
        server.stop().await;
    }
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:#?}");
}

#[tokio::test]
async fn latency_changes_nothing_but_the_time() {
    let beat = Duration::from_millis(1);
    let mut replies = Vec::new();
    for latency in [Duration::ZERO, beat] {
        let script = Script { first_byte_after: latency, between_events: latency, ..Script::default() };
        let server = scripted(script).await;
        replies.push(client(options(server.url())).message(&request()).await.expect("a reply").said.blocks);
        server.stop().await;
    }
    assert_eq!(replies[0], replies[1]);
}

#[tokio::test]
async fn a_stream_that_breaks_anywhere_is_repeated() {
    let server = scripted(Script::default()).await;
    let claude = client(options(server.url()));
    let whole = claude.message(&request()).await.expect("a reply");
    let mut repeated = 0;
    for bytes in (0..1600).step_by(53) {
        server.plan_fault(Fault::CutAfter(bytes));
        let reply = claude.message(&request()).await.expect("a reply");
        assert_eq!(reply.said.blocks, whole.said.blocks, "after {bytes} bytes");
        repeated += reply.attempts - 1;
    }
    assert_eq!(repeated, 31);
    server.stop().await;
}

async fn failure(server: &Serving) -> ModelError {
    client(options(server.url())).message(&request()).await.expect_err("a failure")
}

#[tokio::test]
async fn what_cannot_pass_is_told_at_once_and_clearly() {
    let error = |status, kind| Fault::Error { status, kind };
    let rows = [
        (error(400, "invalid_request_error"), "claude-request-refused", false, 1),
        (Fault::KeyRefused, "claude-key-refused", true, 1),
        (error(402, "billing_error"), "claude-billing", true, 1),
        (error(403, "permission_error"), "claude-permission", false, 1),
        (error(404, "not_found_error"), "claude-not-found", false, 1),
        (error(413, "request_too_large"), "claude-request-too-large", false, 1),
        (Fault::SpendLimit, "claude-spend-limit", true, 1),
        (Fault::RateLimit { retry_after: Some(Duration::from_secs(3600)) }, "claude-rate-limit", false, 1),
        (Fault::Overloaded, "claude-overloaded", false, 5),
        (Fault::OverloadedInside, "claude-overloaded", false, 5),
        (Fault::CutAfter(100), "claude-reply-incomplete", false, 5),
    ];
    for (fault, code, stops_tick, attempts) in rows {
        let server = with_faults(&vec![fault.clone(); 5]).await;
        let error = failure(&server).await;
        let seen = (error.code(), error.stops_tick(), error.attempts);
        assert_eq!(seen, (code, stops_tick, attempts), "{fault:?}: {error}");
        assert_eq!(server.books().total.requests, u64::from(attempts), "{fault:?}");
        server.stop().await;
    }
    let server = with_faults(&[Fault::KeyRefused]).await;
    let error = failure(&server).await;
    let expected = "Claude refused the request: HTTP 401 authentication_error — invalid x-api-key \
                    (request-id req_00000000000000000001)";
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().is_some_and(|hint| hint.contains("ANTHROPIC_API_KEY")));
    assert!(!format!("{error:?}").contains(KEY));
    server.stop().await;
}

#[tokio::test]
async fn events_and_blocks_of_the_future_are_passed_over_but_said_back() {
    let server = with_faults(&[Fault::None, Fault::Unknown]).await;
    let claude = client(options(server.url()));
    let known = claude.message(&request()).await.expect("a reply");
    let unknown = claude.message(&request()).await.expect("a reply");
    assert_eq!(unknown.said.tool_uses(), known.said.tool_uses());
    assert_eq!(unknown.said.blocks.len(), known.said.blocks.len() + 1);
    let said_back = Message::assistant(&unknown.said).content;
    assert_eq!(said_back.last(), Some(&json!({"type": "dream", "scene": {"place": "sea"}})));
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_max_tokens_cut_off_is_neither_offered_nor_said_back() {
    let server = with_faults(&[Fault::CutByMaxTokens]).await;
    let reply = client(options(server.url())).message(&request()).await.expect("a reply");
    assert_eq!(reply.said.stop_reason, StopReason::MaxTokens);
    let cut = reply.said.blocks.last().expect("a block");
    assert_eq!((cut.kind(), cut.cut), ("tool_use", true));
    let offered: Vec<Value> = reply.said.tool_uses().into_iter().map(|call| json!(call.id)).collect();
    assert!(!offered.contains(&cut.raw["id"]));
    assert!(!Message::assistant(&reply.said).content.contains(&cut.raw));
    server.stop().await;
}

#[tokio::test]
async fn a_reply_without_content_and_a_call_to_an_invented_tool_are_replies() {
    let server = with_faults(&[Fault::Empty, Fault::InventsTool]).await;
    let claude = client(options(server.url()));
    let empty = claude.message(&request()).await.expect("a reply");
    assert_eq!((empty.said.blocks, empty.said.stop_reason), (vec![], StopReason::EndTurn));
    let mut request = request();
    let inventive = claude.message(&request).await.expect("a reply");
    assert_eq!(inventive.said.tool_uses()[0].name, "todo_teleport");
    go_on(&mut request, &inventive);
    claude.message(&request).await.expect("the conversation goes on");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let address = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr();
    let url = format!("http://{}/", address.expect("an address"));
    let error = client(options(&url)).message(&request()).await.expect_err("nobody listens");
    assert_eq!((error.code(), error.stops_tick(), error.attempts), ("claude-unreachable", true, 5));
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot reach Claude at {url}v1/messages: ")), "{text}");
    assert!(text.to_lowercase().contains("connection refused"), "{text}");
    assert!(error.hint().is_some_and(|hint| hint.contains("ANTHROPIC_BASE_URL")));
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_told_without_showing_it() {
    let mut options = options("http://127.0.0.1:9");
    options.api_key = SecretString::from("sk-secret\n");
    let error = client(options).message(&request()).await.expect_err("not sendable");
    assert_eq!((error.code(), error.attempts), ("claude-options", 0));
    assert!(!format!("{error} {error:?}").contains("sk-secret"), "{error}");
}
