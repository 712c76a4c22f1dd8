//! Contract 8: every row of its table, and how a session begins and ends.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use standin::mana_mcp::Faults;

use super::{ACCEPT, CONTENT, Session, event, initialize, with_kai};
use crate::neighbours::{Neighbours, client};

#[tokio::test]
async fn each_row_of_the_table() {
    let world = with_kai(Neighbours::in_memory().await).await;
    world.persona("ben", "daily").await;
    let open = Session::open(&world, "kai", "space").await;
    let closed = Session::open(&world, "kai", "space").await;
    assert_eq!(closed.send(Method::DELETE, "").await.said(), (200, json!("")));

    let kai = ("authorization", open.authorization.as_str());
    let bens = format!("Bearer {}", world.jwt("ben").await);
    let elsewhere = format!("Bearer {}", Neighbours::in_memory().await.stack.admin_jwt());
    let space = ("x-mana-space", "space");
    let session = ("mcp-session-id", open.id.as_str());
    let (gone, unknown) = (("mcp-session-id", closed.id.as_str()), ("mcp-session-id", "x"));
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let init = initialize("2025-11-25").to_string();

    let error = |status: u16, text: &str| (status, json!({"error": text}));
    let rpc = |status: u16, code: i32, message: &str| {
        let error = json!({"code": code, "message": message});
        (status, json!({"jsonrpc": "2.0", "error": error, "id": null}))
    };
    let malformed = error(401, "Missing or malformed Authorization header");
    let no_jws = error(401, "Invalid token: Invalid Compact JWS");
    let no_key = error(401, "Invalid token: no applicable key found in the JSON Web Key Set");
    let no_space = error(401, "Missing X-Mana-Space header (set to the active Space ID)");
    let not_found = error(404, "Session not found");
    let other_user = error(403, "Session belongs to a different user");
    let bad = error(400, "Bad request");
    let not_initialized = rpc(400, -32000, "Bad Request: Server not initialized");
    let both = "Not Acceptable: Client must accept both application/json and text/event-stream";
    let stream = "Not Acceptable: Client must accept text/event-stream";
    let versions = "Bad Request: Unsupported protocol version: 1999-01-01 (supported versions: 2025-11-25, \
                    2025-06-18, 2025-03-26, 2024-11-05)";

    for (method, headers, body, expected) in [
        (Method::POST, vec![space, ACCEPT, CONTENT], &init, malformed.clone()),
        (Method::POST, vec![("authorization", "Basic x"), space, ACCEPT, CONTENT], &init, malformed.clone()),
        (Method::GET, vec![("authorization", "Bearer "), space, session], &init, malformed),
        (Method::POST, vec![("authorization", "Bearer abc"), space, ACCEPT, CONTENT], &init, no_jws),
        (Method::POST, vec![("authorization", elsewhere.as_str()), space, session], &init, no_key),
        (Method::POST, vec![kai, ACCEPT, CONTENT], &init, no_space.clone()),
        (Method::DELETE, vec![kai, ("x-mana-space", " "), session], &init, no_space),
        (
            Method::POST,
            vec![("authorization", bens.as_str()), space, session, ACCEPT, CONTENT],
            &list,
            other_user.clone(),
        ),
        (Method::DELETE, vec![("authorization", bens.as_str()), space, session], &list, other_user),
        (Method::POST, vec![kai, space, unknown, ACCEPT, CONTENT], &list, not_found.clone()),
        (Method::POST, vec![kai, space, gone, ACCEPT, CONTENT], &list, not_found.clone()),
        (Method::GET, vec![kai, space, gone, ACCEPT], &list, not_found.clone()),
        (Method::DELETE, vec![kai, space, gone], &list, not_found),
        (Method::GET, vec![kai, space, ACCEPT], &list, bad.clone()),
        (Method::DELETE, vec![kai, space], &list, bad.clone()),
        (Method::PUT, vec![kai, space], &list, bad),
        (Method::POST, vec![kai, space, ACCEPT, CONTENT], &list, not_initialized),
        (
            Method::POST,
            vec![kai, space, ACCEPT, CONTENT],
            &"{".to_owned(),
            rpc(400, -32700, "Parse error: Invalid JSON"),
        ),
        (
            Method::POST,
            vec![kai, space, ("accept", "application/json"), CONTENT],
            &init,
            rpc(406, -32000, both),
        ),
        (
            Method::POST,
            vec![kai, space, ("accept", "text/event-stream"), CONTENT],
            &init,
            rpc(406, -32000, both),
        ),
        (Method::POST, vec![kai, space, session, CONTENT], &list, rpc(406, -32000, both)),
        (
            Method::GET,
            vec![kai, space, session, ("accept", "application/json")],
            &list,
            rpc(406, -32000, stream),
        ),
        (
            Method::POST,
            vec![kai, space, session, ACCEPT, CONTENT, ("mcp-protocol-version", "1999-01-01")],
            &list,
            rpc(400, -32000, versions),
        ),
    ] {
        let answer = world.mcp(method.clone(), "/mcp", &headers, body).await;
        assert_eq!(answer.said(), expected, "{method} {headers:?}");
        assert_eq!(answer.header("x-stand-in"), Some("persona-host mana-mcp"));
    }
    assert_eq!(world.stack.mcp().open_sessions().await, 1, "nobody of these opened or closed one");
}

#[tokio::test]
async fn initialize_answers_with_one_event_and_a_session_id() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let unopened = Session {
        world: &world,
        authorization: format!("Bearer {}", world.jwt("kai").await),
        space: "any".to_owned(),
        id: String::new(),
    };
    for (asked, agreed) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2024-11-05", "2024-11-05"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let answer = unopened.post(&initialize(asked)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("mcp-session-id").unwrap().len(), 36);
        let result = event(&answer)["result"].clone();
        assert_eq!(
            result,
            json!({"protocolVersion": agreed, "capabilities": {"tools": {"listChanged": true}},
                   "serverInfo": {"name": "mana", "version": "0.1.0"}})
        );
    }
    assert_eq!(world.stack.mcp().open_sessions().await, 4);
}

#[tokio::test]
async fn a_notification_is_accepted_and_delete_closes() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let session = Session::open(&world, "kai", "space").await;
    let notified = session.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    assert_eq!(notified.said(), (202, json!("")));
    assert_eq!(world.stack.mcp().open_sessions().await, 1);
    assert_eq!(session.send(Method::DELETE, "").await.said(), (200, json!("")));
    assert_eq!(world.stack.mcp().open_sessions().await, 0);
}

#[tokio::test]
async fn an_expired_token_does_not_pass_and_a_fresh_one_does_not_renew_the_session() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let mut session = Session::open(&world, "kai", "space").await;
    session.result("habits.list", json!({})).await;
    world.clock.advance(TimeDelta::minutes(15));
    let expired = session.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    let message = json!({"error": "Invalid token: \"exp\" claim timestamp check failed"});
    assert_eq!(expired.said(), (401, message));

    session.authorization = format!("Bearer {}", world.jwt("kai").await);
    let (failed, text) = session.call("habits.list", json!({})).await;
    assert_eq!(
        (failed, text.as_str()),
        (true, "Tool habits.list failed: mana-sync failed: 401 Unauthorized")
    );
    Session::open(&world, "kai", "space").await.result("habits.list", json!({})).await;
}

#[tokio::test]
async fn a_restart_forgets_every_session() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let session = Session::open(&world, "kai", "space").await;
    world.stack.mcp().close_sessions().await;
    let answer = session.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    assert_eq!(answer.said(), (404, json!({"error": "Session not found"})));
    assert_eq!(world.stack.mcp().open_sessions().await, 0);
}

#[tokio::test]
async fn initialize_is_refused_when_so_told() {
    let world = with_kai(Neighbours::in_memory().await).await;
    world.stack.mcp().set_faults(Faults { refuses_initialize: true, ..Faults::default() });
    let authorization = format!("Bearer {}", world.jwt("kai").await);
    let headers = [("authorization", authorization.as_str()), ("x-mana-space", "s"), ACCEPT, CONTENT];
    let body = initialize("2025-11-25").to_string();
    assert_eq!(world.mcp(Method::POST, "/mcp", &headers, &body).await.status, 503);
    world.stack.mcp().set_faults(Faults::default());
    assert_eq!(world.mcp(Method::POST, "/mcp", &headers, &body).await.status, 200);
}

#[tokio::test]
async fn health_and_page_say_what_this_is() {
    let world = Neighbours::in_memory().await;
    let health: Value = world.mcp(Method::GET, "/health", &[], "").await.body;
    assert_eq!(health, json!({"status": "ok", "service": "mana-mcp", "registry": {"loaded": true}}));
    for answer in [world.mcp(Method::GET, "/", &[], "").await, world.auth(Method::GET, "/", &[], "").await] {
        assert!(answer.body.as_str().unwrap().contains("stand-in"), "{answer:?}");
    }
    assert_eq!(world.mcp(Method::GET, "/nowhere", &[], "").await.said(), (404, json!("404 Not Found")));
}

#[tokio::test]
async fn stopping_ends_open_streams() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let session = Session::open(&world, "kai", "space").await;
    let stream = client()
        .get(format!("{}/mcp", world.stack.mcp_url()))
        .header("authorization", &session.authorization)
        .header("x-mana-space", "space")
        .header("mcp-session-id", &session.id)
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), 200);
    let Neighbours { stack, .. } = world;
    let (events, ()) = tokio::join!(stream.text(), stack.stop());
    assert_eq!(events.unwrap(), "", "nothing was said before the end");
}
