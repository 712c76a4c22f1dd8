//! The gate with real requests: what it waits for, what it lets nobody else meet, and who goes ahead.

use persona_host::model::failure::Failure;
use persona_host::model::{Claude, Gate};
use serde_json::json;

use super::*;

/// Clients of one gate.
fn through(gate: &Gate, options: Options) -> Claude {
    client(options).through(gate.clone())
}

#[tokio::test]
async fn a_limit_that_would_be_exceeded_is_waited_for_before_claude_says_no() {
    let server = scripted(Script { requests_per_minute: Some(1), ..Script::default() }).await;
    // It would take a minute, and nobody has that here.
    let impatient = Options { retry_budget: Duration::from_secs(1), ..options(server.url()) };
    let gate = Gate::alone();
    through(&gate, impatient.clone()).message(&request()).await.expect("the first one is served");
    let error =
        through(&gate, impatient.clone()).message(&request()).await.expect_err("it would be one too many");
    assert!(matches!(error.failure, Failure::Away { by_all: false, .. }), "{error}");
    assert_eq!((error.attempts, server.books().total.requests), (0, 1), "nothing was sent");
    // Limits are those of a family of models.
    let other = MessageRequest { model: "claude-opus-5-5".to_owned(), ..request() };
    let error =
        through(&gate, impatient).message(&other).await.expect_err("this stand-in counts all of them");
    assert_eq!((error.code(), error.attempts), ("claude-rate-limit", 1), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn one_refusal_with_a_wait_holds_everybody_else() {
    let wait = Fault::RateLimit { retry_after: Some(Duration::from_secs(3600)) };
    let server = with_faults(&[wait]).await;
    let gate = Gate::alone();
    let first = through(&gate, options(server.url())).message(&request()).await.expect_err("it is refused");
    assert_eq!((first.code(), first.attempts), ("claude-rate-limit", 1));
    for _ in 0..3 {
        let error = through(&gate, options(server.url())).message(&request()).await.expect_err("it is held");
        assert_eq!((error.code(), error.attempts, error.stops_tick()), ("claude-away", 0, false), "{error}");
    }
    assert_eq!(server.books().total.requests, 1, "Claude was asked once");
    server.stop().await;
}

#[tokio::test]
async fn of_many_who_share_a_prompt_one_writes_it_into_the_cache_and_the_others_read_it() {
    let script = Script { first_byte_after: Duration::from_millis(20), ..Script::default() };
    let server = scripted(script).await;
    let claude = client(options(server.url()));
    let personas = (0..8).map(|number| MessageRequest { system: format!("Du bist {number}."), ..request() });
    let personas: Vec<MessageRequest> = personas.collect();
    let replies =
        futures_util::future::join_all(personas.iter().map(|request| claude.message(request))).await;
    let usages: Vec<Usage> = replies.into_iter().map(|reply| reply.expect("a reply").usage).collect();
    let read = usages.iter().filter(|usage| usage.cache_read > 512).count();
    assert_eq!(read, 7, "{usages:?}");
    server.stop().await;
}

#[tokio::test]
async fn whoever_goes_ahead_and_fails_keeps_nobody_waiting() {
    let server = with_faults(&[Fault::Error { status: 400, kind: "invalid_request_error" }]).await;
    let claude = client(options(server.url()));
    let request = request();
    let replies = futures_util::future::join_all((0..4).map(|_| claude.message(&request))).await;
    assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 3, "{replies:?}");
    server.stop().await;
}

#[tokio::test]
async fn why_the_cache_was_of_no_use_is_asked_and_heard() {
    let server = scripted(Script { calls_per_turn: Some(3), ..Script::default() }).await;
    let claude = client(options(server.url()));
    let mut request = request();
    let first = claude.message(&request).await.expect("a reply");
    assert_eq!(first.cache_miss, None, "there was nothing before it");
    go_on(&mut request, &first);
    let second = claude.message_after(&request, Some(&first.id)).await.expect("a reply");
    assert_eq!(second.cache_miss, None, "it goes on where the first one ended");
    let edited = |system: &str, model: &str, tools: Offer| MessageRequest {
        system: system.to_owned(),
        model: model.to_owned(),
        tools,
        ..request.clone()
    };
    let (anna, haiku) = (request.system.as_str(), request.model.as_str());
    let fewer = Offer::from(tools()[1..].to_vec());
    let with_schema = MessageRequest { reply_schema: Some(json!({"type": "string"})), ..request.clone() };
    for (request, previous, reason) in [
        (edited("Du bist Ben.", haiku, tools()), second.id.as_str(), "system_changed"),
        (edited(anna, "claude-opus-5-5", tools()), &second.id, "model_changed"),
        (edited(anna, haiku, fewer), &second.id, "tools_changed"),
        (with_schema, &second.id, "messages_changed"),
        (request.clone(), "msg_of_another_time", "previous_message_not_found"),
    ] {
        let reply = claude.message_after(&request, Some(previous)).await.expect("a reply");
        assert_eq!(reply.cache_miss.as_deref(), Some(reason));
        let silent = Options { cache_diagnostics: false, ..options(server.url()) };
        let reply = client(silent).message_after(&request, Some(previous)).await.expect("a reply");
        assert_eq!(reply.cache_miss, None, "it was not asked");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_knows_no_formats_is_asked_without_one_from_then_on() {
    let server = scripted(Script { refuses_formats: true, ..Script::default() }).await;
    let claude = client(options(server.url()));
    let held = MessageRequest {
        reply_schema: Some(json!({"type": "object", "additionalProperties": false, "properties": {}})),
        ..rating_request()
    };
    for requests in [2, 3, 4] {
        assert!(claude.message(&held).await.expect("a reply").said.text().contains("ratings"));
        assert_eq!(server.books().total.requests, requests, "it is tried with a format once");
    }
    server.stop().await;
    // One that is refused for something else is not asked again.
    let server = with_faults(&vec![Fault::Error { status: 400, kind: "invalid_request_error" }; 2]).await;
    let error = client(options(server.url())).message(&held).await.expect_err("it is refused");
    assert_eq!((error.code(), server.books().total.requests), ("claude-request-refused", 1));
    server.stop().await;
}
