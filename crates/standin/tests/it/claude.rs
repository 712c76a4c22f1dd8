//! The scripted Claude: driven by the official SDK, and asked what the real API refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use domain::clock::Clock;
use serde_json::{Value, json};
use standin::claude::{self, Fault, Script, Serving};
use tokio::net::TcpListener;

use peers::node;

async fn scripted(script: Script) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    claude::serve(listener, script, Clock::starting_at(DateTime::UNIX_EPOCH)).expect("an address")
}

fn http() -> reqwest::Client {
    // Another test may have installed it already.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// Sends `body` with the headers that the API wants.
async fn send(server: &Serving, body: &Value) -> reqwest::Response {
    let request = http().post(format!("{}/v1/messages", server.url()));
    let request = request.header("x-api-key", "sk-test").header("anthropic-version", "2026-10-21");
    request.json(body).send().await.expect("an answer")
}

async fn reply(server: &Serving, body: &Value) -> Value {
    let answer = send(server, body).await;
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

fn body() -> Value {
    json!({"model": "claude-haiku-5-5", "max_tokens": 500, "messages": [{"role": "user", "content": "Hallo"}]})
}

fn tool(name: &str) -> Value {
    json!({"name": name, "input_schema": {"type": "object",
        "properties": {"title": {"type": "string"}}, "required": ["title"]}})
}

/// A persona's main phase to its end; the names of the tools it called, round by round.
async fn day(server: &Serving, system: &str, prompt: &str) -> Vec<Vec<String>> {
    let tools = ["habits_create", "journal_add", "notes_create", "todo_create"].map(tool);
    let mut messages = vec![json!({"role": "user", "content": prompt})];
    let mut rounds = Vec::new();
    loop {
        let mut body = body();
        body["system"] = json!(system);
        body["tools"] = json!(tools);
        body["messages"] = json!(messages);
        let reply = reply(server, &body).await;
        if reply["stop_reason"] != "tool_use" {
            return rounds;
        }
        let blocks = reply["content"].as_array().expect("blocks");
        let calls: Vec<&Value> = blocks.iter().filter(|block| block["type"] == "tool_use").collect();
        let results: Vec<Value> = calls
            .iter()
            .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "{}"}))
            .collect();
        rounds.push(calls.iter().map(|call| call["name"].as_str().expect("a name").to_owned()).collect());
        messages.push(json!({"role": "assistant", "content": blocks}));
        messages.push(json!({"role": "user", "content": results}));
    }
}

#[tokio::test]
async fn the_official_sdk_understands_it() {
    if node::are_skipped() {
        return;
    }
    let folder =
        tokio::task::spawn_blocking(|| node::peers(env!("CARGO_TARGET_TMPDIR"))).await.expect("installed");
    let server = scripted(Script { calls_per_turn: Some(2), fence: 0.0, ..Script::default() }).await;
    let limit = Fault::RateLimit { retry_after: Some(Duration::from_secs(7)) };
    let limited = scripted(Script { faults: vec![limit], ..Script::default() }).await;
    let mut node = std::process::Command::new("node");
    node.current_dir(folder).args(["anthropic-client.mjs", server.url(), limited.url()]);
    for variable in ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS"] {
        node.env_remove(variable);
    }
    let node = tokio::task::spawn_blocking(move || node.output());
    let node = node.await.expect("no panic").expect("node can be started");
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
    let seen: Value = serde_json::from_slice(&node.stdout).expect("JSON");

    let rounds = seen["toolLoop"].as_array().expect("replies");
    let reasons: Vec<&Value> = rounds.iter().map(|round| &round["message"]["stop_reason"]).collect();
    assert_eq!(reasons, ["tool_use", "tool_use", "end_turn"]);
    for round in rounds {
        let message = &round["message"];
        let text = message["content"].to_string();
        assert!(round["deltas"].as_u64() > Some(2), "several deltas a block: {round}");
        assert!(round["requestId"].as_str().is_some_and(|id| id.starts_with("req_")), "{round}");
        assert_eq!(message["usage"]["output_tokens"].as_u64().map(|tokens| tokens > 1), Some(true));
        let call = message["content"].as_array().expect("blocks").last().expect("a block");
        let wanted =
            if message["stop_reason"] == "tool_use" { &call["input"]["title"] } else { &call["text"] };
        assert!(wanted.as_str().is_some_and(|words| !words.is_empty()), "{text}");
    }
    let rating: Value =
        seen["whole"]["content"][0]["text"].as_str().map(serde_json::from_str).expect("text").expect("JSON");
    assert_eq!(rating["ratings"].as_array().map(Vec::len), Some(3));
    let refused = |kind, status| json!({"kind": kind, "status": status});
    for (error, expected) in [
        (&seen["badRequest"], refused("BadRequestError", 400)),
        (&seen["rateLimit"], refused("RateLimitError", 429)),
    ] {
        assert_eq!(json!({"kind": error["kind"], "status": error["status"]}), expected, "{error}");
        assert!(error["requestID"].as_str().is_some_and(|id| id.starts_with("req_")), "{error}");
    }
    let message = seen["badRequest"]["message"].as_str().expect("a message");
    assert!(message.contains("tools.0.custom.name: String should match pattern"), "{message}");
    server.stop().await;
    limited.stop().await;
}

#[tokio::test]
async fn it_refuses_what_the_real_api_refuses() {
    let call = json!({"role": "assistant", "content": [
        {"type": "tool_use", "id": "toolu_1", "name": "todo_create", "input": {}}]});
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "ok"});
    let user = |content: Value| json!({"role": "user", "content": content});
    let messages = |rest: Vec<Value>| json!([vec![user(json!("Hallo"))], rest].concat());
    let said = |change: Value| {
        let mut call = call.clone();
        let block = call["content"][0].as_object_mut().expect("an object");
        block.extend(change.as_object().cloned().expect("fields"));
        let id = block["id"].as_str().expect("an id").to_owned();
        messages(vec![call, user(json!([result(&id)]))])
    };
    let takes = |mut schema: Value| {
        schema["type"] = json!("object");
        json!([{"name": "a", "input_schema": schema}])
    };
    let schema = |schema: Value| json!({"format": {"type": "json_schema", "schema": schema}});
    let marked = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    let rows = [
        ("model", Value::Null, 400, "model: Field required"),
        ("model", json!("gpt-5"), 404, "model: gpt-5"),
        ("max_tokens", Value::Null, 400, "max_tokens: Field required"),
        ("max_tokens", json!(0), 400, "max_tokens: must be greater"),
        ("temperature", json!(1.0), 400, "temperature: not supported"),
        ("top_p", json!(0.5), 400, "top_p: not supported"),
        ("mood", json!("good"), 400, "mood: Extra inputs are not permitted"),
        ("messages", json!([]), 400, "at least one message"),
        ("messages", json!([call]), 400, "first message must use the \"user\" role"),
        ("messages", json!([{"role": "tool", "content": "x"}]), 400, "first message"),
        ("messages", json!([user(json!([]))]), 400, "messages.0: all messages must have non-empty content"),
        ("messages", json!([user(json!([{"type": "text", "text": ""}]))]), 400, "must be non-empty"),
        (
            "messages",
            json!([user(json!([{"type": "text", "text": " \n"}]))]),
            400,
            "must contain non-whitespace text",
        ),
        ("system", json!([{"type": "text", "text": "\t"}]), 400, "must contain non-whitespace text"),
        ("messages", messages(vec![json!({"role": "assistant", "content": "{"})]), 400, "prefill"),
        (
            "messages",
            said(json!({"id": "call.1"})),
            400,
            "content.0.tool_use.id: String should match pattern",
        ),
        ("messages", said(json!({"id": ""})), 400, "content.0.tool_use.id: String should match pattern"),
        (
            "messages",
            said(json!({"name": "todo.create"})),
            400,
            "content.0.tool_use.name: String should match",
        ),
        (
            "messages",
            said(json!({"input": []})),
            400,
            "content.0.tool_use.input: Input should be a valid dict",
        ),
        (
            "messages",
            messages(vec![
                call.clone(),
                user(json!([result("toolu_1")])),
                call.clone(),
                user(json!([result("toolu_1")])),
            ]),
            400,
            "`tool_use` ids must be unique",
        ),
        ("tools", takes(json!({"oneOf": [{}]})), 400, "does not support oneOf, allOf, or anyOf at the top"),
        ("tools", takes(json!({"properties": {"a b": {}}})), 400, "Property keys should match pattern"),
        ("tools", takes(json!({"properties": {"a": {"type": "any"}}})), 400, "JSON schema is invalid"),
        ("tools", takes(json!({"properties": {"a": {"$ref": "#/$defs/A"}}})), 400, "JSON schema is invalid"),
        ("messages", messages(vec![call.clone(), user(json!("ok"))]), 400, "without `tool_result` blocks"),
        (
            "messages",
            messages(vec![call.clone(), user(json!([{"type": "text", "text": "x"}, result("toolu_1")]))]),
            400,
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1",
        ),
        (
            "messages",
            messages(vec![call.clone(), user(json!([result("toolu_1"), result("toolu_2")]))]),
            400,
            "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_2",
        ),
        ("messages", json!([user(json!([marked, marked, marked, marked, marked]))]), 400, "Found 5"),
        ("tools", json!([tool("todo.create")]), 400, "tools.0.custom.name: String should match pattern"),
        (
            "tools",
            json!([tool("a"), tool(&"x".repeat(129))]),
            400,
            "tools.1.custom.name: String should match",
        ),
        ("tools", json!([tool("a"), tool("a")]), 400, "Tool names must be unique"),
        ("tools", json!([{"name": "a", "input_schema": {}}]), 400, "input_schema.type"),
        (
            "output_config",
            schema(json!({"type": "object"})),
            400,
            "'additionalProperties' must be explicitly",
        ),
        (
            "output_config",
            schema(json!({"type": "object", "additionalProperties": false,
                "properties": {"rating": {"type": "integer", "minimum": 1}}})),
            400,
            "schema.properties.rating: For 'integer' type, property 'minimum' is not supported",
        ),
    ];
    let server = scripted(Script::default()).await;
    for (field, value, status, message) in rows {
        let mut body = body();
        match value {
            Value::Null => drop(body.as_object_mut().expect("an object").remove(field)),
            value => body[field] = value,
        }
        let answer = send(&server, &body).await;
        assert_eq!(answer.status(), status, "{body}");
        let id = answer.headers()["request-id"].to_str().expect("text").to_owned();
        let refusal: Value = answer.json().await.expect("JSON");
        let kind = if status == 404 { "not_found_error" } else { "invalid_request_error" };
        assert_eq!((&refusal["type"], &refusal["error"]["type"]), (&json!("error"), &json!(kind)));
        assert_eq!(refusal["request_id"], json!(id));
        assert!(refusal["error"]["message"].as_str().is_some_and(|text| text.contains(message)), "{refusal}");
    }
    assert_eq!(server.books().total.paid, 0);
    server.stop().await;
}

#[tokio::test]
async fn it_refuses_who_does_not_say_key_and_version() {
    let (key, version) = (("x-api-key", "sk-test"), ("anthropic-version", "2026-10-21"));
    let bearer = ("authorization", "Bearer sk-test");
    let rows = [
        (vec![key, version], 200, ""),
        (vec![bearer, version], 200, ""),
        (vec![key, ("anthropic-version", "2023-06-01")], 200, ""),
        (vec![version], 401, "authentication_error"),
        (vec![key, bearer, version], 401, "authentication_error"),
        (vec![key], 400, "invalid_request_error"),
        (vec![key, ("anthropic-version", "yesterday")], 400, "invalid_request_error"),
    ];
    let server = scripted(Script::default()).await;
    for (headers, status, kind) in rows {
        let mut request = http().post(format!("{}/v1/messages", server.url())).json(&body());
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{headers:?}");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["error"]["type"].as_str().unwrap_or_default(), kind, "{headers:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn it_says_that_it_is_a_stand_in() {
    let server = scripted(Script::default()).await;
    let page = http().get(server.url()).send().await.expect("a page");
    assert_eq!(page.headers()["x-stand-in"], "persona-host scripted Claude");
    assert!(page.text().await.expect("text").contains("a stand-in, not the Claude API"));
    assert_eq!(send(&server, &body()).await.headers()["x-stand-in"], "persona-host scripted Claude");
    let lost = http().get(format!("{}/v1/models", server.url())).send().await.expect("an answer");
    assert_eq!(lost.status(), 404);
    assert_eq!(lost.json::<Value>().await.expect("JSON")["error"]["type"], "not_found_error");
    server.stop().await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same_day_and_another_persona_another() {
    let prompt = "Heute ist der 2026-11-22. Nutze 3–8 Werkzeuge.";
    let mut days = Vec::new();
    for seed in [1, 1, 2] {
        let server = scripted(Script { seed, ..Script::default() }).await;
        days.push([day(&server, "Du bist Anna.", prompt).await, day(&server, "Du bist Ben.", prompt).await]);
        server.stop().await;
    }
    assert_eq!(days[0], days[1]);
    assert_ne!(days[0], days[2]);
    assert_ne!(days[0][0], days[0][1]);
}

#[tokio::test]
async fn a_day_follows_the_module_mix_and_the_number_of_calls_in_the_prompt() {
    let server = scripted(Script::default()).await;
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let mut several_at_once = 0;
    for persona in 0..40 {
        let prompt = "Verbringe deinen Tag in der App: todo 60 %, notes (40 %). Nutze 3–8 Werkzeuge.";
        let rounds = day(&server, &format!("Du bist Persona {persona}."), prompt).await;
        let calls: usize = rounds.iter().map(Vec::len).sum();
        assert!((3..=8).contains(&calls), "{calls}");
        several_at_once += rounds.iter().filter(|round| round.len() > 1).count();
        rounds.into_iter().flatten().for_each(|tool| *used.entry(tool).or_default() += 1);
    }
    let of = |tool: &str| used.get(tool).copied().unwrap_or(0);
    let (todo, notes) = (of("todo_create"), of("notes_create"));
    assert!(todo > notes && notes > 5 * (of("habits_create") + of("journal_add")), "{used:?}");
    assert!(several_at_once > 5, "{several_at_once}");
    server.stop().await;
}

#[tokio::test]
async fn the_books_know_every_request_and_the_clock_moves_with_every_reply() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
    let script = Script {
        calls_per_turn: Some(4),
        advance_clock: Some(TimeDelta::days(1)),
        faults: vec![Fault::Overloaded],
        ..Script::default()
    };
    let server = claude::serve(listener, script, clock.clone()).expect("an address");
    assert_eq!(send(&server, &body()).await.status(), 529);
    assert_eq!(day(&server, "Du bist Anna.", "Los.").await.len(), 4);
    reply(&server, &body()).await;
    let books = server.books();
    assert_eq!((books.total.requests, books.total.paid), (7, 6));
    let anna = books.by_system["Du bist Anna."];
    assert_eq!((anna.requests, anna.paid), (5, 5));
    assert!(anna.usage.output > 0 && anna.usage.input > anna.usage.output);
    assert_eq!(clock.now().date_naive().to_string(), "1970-01-07");
    server.stop().await;
}

#[tokio::test]
async fn a_script_without_tools_ends_the_day_at_once() {
    let server = scripted(Script { never_use_tools: true, ..Script::default() }).await;
    assert!(day(&server, "Du bist Anna.", "Nutze 3–8 Werkzeuge.").await.is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_thing_is_completed_only_after_it_was_shown() {
    const ID: &str = "7b0a4c4e-5a53-4d0f-9d5e-0d9f2a1b3c4d";
    let server = scripted(Script { calls_per_turn: Some(1), ..Script::default() }).await;
    let mut complete = tool("todo_complete");
    complete["input_schema"]["properties"] = json!({"id": {"type": "string", "format": "uuid"}});
    complete["input_schema"]["required"] = json!(["id"]);
    let mut body = body();
    body["tools"] = json!([complete]);
    assert_eq!(reply(&server, &body).await["stop_reason"], "end_turn");
    server.stop().await;

    let server = scripted(Script { calls_per_turn: Some(2), ..Script::default() }).await;
    let listed = json!({"tasks": [{"id": ID, "title": "Milch"}]}).to_string();
    body["tools"] = json!([complete]);
    body["messages"] = json!([
        {"role": "user", "content": "Los."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "todo_list", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": listed}]},
    ]);
    let reply = reply(&server, &body).await;
    let call = reply["content"].as_array().and_then(|blocks| blocks.last()).expect("a call");
    assert_eq!((&call["name"], &call["input"]["id"]), (&json!("todo_complete"), &json!(ID)));
    server.stop().await;
}
