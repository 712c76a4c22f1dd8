//! Who looks on is told of each request three times, and at each of them things are as the point says.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};
use standin::witness::{Point, Sight};
use standin::{DatabaseUrl, Witness};

use crate::neighbours::{Neighbours, client};

/// What was seen, in order: who was asked, how, the body, and how far it was.
type Seen = Vec<(&'static str, String, Value, Point)>;

/// Stand-ins with a witness who writes down what it sees.
async fn watched() -> (Neighbours, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::new()));
    let writing = Arc::clone(&seen);
    let witness = Witness::new(move |sight: &Sight, point| {
        let asked = format!("{} {}", sight.method, sight.path);
        let body = serde_json::from_slice(&sight.body).unwrap_or_default();
        writing.lock().unwrap().push((sight.stand_in, asked, body, point));
    });
    (Neighbours::start(DatabaseUrl::Memory, |options| options.witness = witness).await, seen)
}

/// Stand-ins with a witness who stops everything at this point of a request to this path, says so, and goes on when
/// it is told to.
async fn held_at(path: &'static str, at: Point) -> (Neighbours, Receiver<()>, Sender<()>) {
    let ((reached, is_reached), (go, goes)) = (channel(), channel());
    let goes = Mutex::new(goes);
    let witness = Witness::new(move |sight: &Sight, point| {
        if sight.path.ends_with(path) && point == at && !sight.headers.contains_key("x-unseen") {
            reached.send(()).unwrap();
            // What else waits for this thread is done by another one meanwhile.
            tokio::task::block_in_place(|| goes.lock().unwrap().recv().unwrap());
        }
    });
    let world = Neighbours::start(DatabaseUrl::Memory, |options| options.witness = witness).await;
    (world, is_reached, go)
}

fn message() -> Value {
    json!({"model": "claude-haiku-5-5", "max_tokens": 500, "stream": true,
        "messages": [{"role": "user", "content": "Hallo"}]})
}

async fn ask_claude(url: &str) -> String {
    let request = client().post(format!("{url}/v1/messages")).json(&message());
    let request = request.header("x-api-key", "sk-test").header("anthropic-version", "2026-10-21");
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_is_seen_arriving_done_and_answered() {
    let (world, seen) = watched().await;
    assert_eq!(world.runner(Method::GET, "/due", "").await.status, 200);
    assert!(ask_claude(world.stack.claude_url()).await.contains("message_stop"));
    assert_eq!(world.mcp(Method::POST, "/mcp", &[], "{}").await.status, 401);
    let expected: Vec<_> = [
        ("mana-auth", "GET /api/v1/internal/personas/due", Value::Null),
        ("claude", "POST /v1/messages", message()),
        ("mana-mcp", "POST /mcp", json!({})),
    ]
    .into_iter()
    .flat_map(|(who, asked, body)| {
        [Point::Arrived, Point::Done, Point::Answered]
            .map(|point| (who, asked.to_owned(), body.clone(), point))
    })
    .collect();
    // The end of an answer is told after it has left, and so perhaps after the next request.
    while seen.lock().unwrap().len() < expected.len() {
        tokio::task::yield_now().await;
    }
    let by_request = |seen: &Seen| {
        let mut seen = seen.clone();
        seen.sort_by_key(|(who, .., point)| (expected.iter().position(|(known, ..)| known == who), *point));
        seen
    };
    assert_eq!(by_request(&seen.lock().unwrap()), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_arrives_is_not_kept_and_one_that_is_done_is() {
    let rows = json!({"actions": [{"tickId": "t", "toolName": "todo.list", "result": "ok"}]}).to_string();
    for (at, kept) in [(Point::Arrived, 0), (Point::Done, 1)] {
        let (world, reached, go) = held_at("/actions", at).await;
        let persona = world.persona("kai", "daily").await;
        let database = world.stack.database().clone();
        let path = format!("/{persona}/actions");
        let looking = async {
            tokio::task::spawn_blocking(move || reached.recv().unwrap()).await.unwrap();
            let row = database.row("SELECT count(*) AS rows FROM auth.persona_actions", &[]).await.unwrap();
            go.send(()).unwrap();
            row.unwrap().integer("rows").unwrap()
        };
        let (answer, seen) = tokio::join!(world.runner(Method::POST, &path, &rows), looking);
        assert_eq!((seen, answer.status), (kept, 200), "{at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_call_that_arrives_is_not_charged_and_one_that_is_done_is_before_any_of_it_is_heard() {
    for (at, paid) in [(Point::Arrived, 0), (Point::Done, 1)] {
        let (world, reached, go) = held_at("/messages", at).await;
        let url = world.stack.claude_url().to_owned();
        let asking = tokio::spawn(async move { ask_claude(&url).await });
        tokio::task::spawn_blocking(move || reached.recv().unwrap()).await.unwrap();
        assert_eq!(world.stack.claude().books().total.paid, paid, "{at:?}");
        assert!(!asking.is_finished(), "{at:?}");
        go.send(()).unwrap();
        assert!(asking.await.unwrap().contains("message_stop"), "{at:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_call_that_is_done_has_been_carried_out() {
    let (world, reached, go) = held_at("/mcp", Point::Done).await;
    world.persona("kai", "daily").await;
    let bearer = format!("Bearer {}", world.jwt("kai").await);
    let headers = |more: &[(&'static str, String)]| {
        let mut headers = vec![
            ("authorization", bearer.clone()),
            ("x-mana-space", "space".to_owned()),
            ("accept", "application/json, text/event-stream".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        headers.extend_from_slice(more);
        headers
    };
    let post = async |headers: Vec<(&'static str, String)>, body: Value| {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        world.mcp(Method::POST, "/mcp", &headers, &body.to_string()).await
    };
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let opening = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let unseen = ("x-unseen", "yes".to_owned());
    let opened = post(headers(std::slice::from_ref(&unseen)), opening).await;
    let session = ("mcp-session-id", opened.header("mcp-session-id").unwrap().to_owned());

    let params = json!({"name": "habits.create", "arguments": {"title": "Lesen"}});
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params});
    let database = world.stack.database().clone();
    let looking = async {
        tokio::task::spawn_blocking(move || reached.recv().unwrap()).await.unwrap();
        let row = database.row("SELECT count(*) AS records FROM mana_records", &[]).await.unwrap();
        go.send(()).unwrap();
        row.unwrap().integer("records").unwrap()
    };
    let (answer, records) = tokio::join!(post(headers(&[session]), call), looking);
    assert_eq!((records, answer.status), (1, 200), "{answer:?}");
}
