//! The Messages API client, against the scripted Claude.

use std::sync::Arc;
use std::time::Duration;

use persona_host::domain::clock::Clock;
use persona_host::model::{Claude, Message, MessageRequest, Options, StopReason, ToolDefinition, ToolResult};
use persona_host::standin::claude::{self, Script, Serving};
use secrecy::SecretString;
use serde_json::json;
use tokio::net::TcpListener;

async fn scripted(script: Script) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    claude::serve(listener, script, Clock::system()).expect("an address")
}

fn options(url: &str) -> Options {
    let mut options = Options::new(SecretString::from("sk-test"));
    options.base_url = url.to_owned();
    options.first_wait = Duration::from_millis(1);
    options
}

fn client(options: Options) -> Claude {
    let provider = rustls::crypto::ring::default_provider();
    drop(provider.install_default());
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    Claude::new(http, options)
}

fn tools() -> Arc<[ToolDefinition]> {
    let tool = |name: &str, input_schema| ToolDefinition {
        name: name.to_owned(),
        description: format!("Does {name}."),
        input_schema,
    };
    let title = json!({"type": "string", "minLength": 1, "maxLength": 120});
    let id = json!({"type": "string", "format": "uuid"});
    Arc::new([
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

#[tokio::test]
async fn a_conversation_goes_on_until_claude_has_no_more_calls() {
    let server = scripted(Script::default()).await;
    let claude = client(options(server.url()));
    let mut request = request();
    let mut calls = Vec::new();
    let last = loop {
        let reply = claude.message(&request).await.expect("a reply");
        if reply.stop_reason != StopReason::ToolUse {
            break reply;
        }
        let uses = reply.tool_uses();
        assert!(!uses.is_empty());
        request.messages.push(Message::assistant(&reply));
        request.messages.push(Message::tool_results(uses.iter().map(|call| ToolResult {
            tool_use_id: call.id.clone(),
            text: json!({"task": {"id": "7b0a4c4e-5a53-4d0f-9d5e-0d9f2a1b3c4d"}}).to_string(),
            is_error: false,
        })));
        calls.extend(uses.into_iter().map(|call| call.name));
    };
    assert_eq!(last.stop_reason, StopReason::EndTurn);
    assert!(last.text().contains("todo"), "{}", last.text());
    assert!((3..=5).contains(&calls.len()), "{calls:?}");
    assert!(last.cost.is_some());
    let books = server.books();
    assert_eq!(books.total.paid, u64::try_from(request.messages.len() / 2 + 1).expect("few"));
    server.stop().await;
}
