//! Contract 8.2: the eleven tools, their results, and the texts of their failures.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use standin::DatabaseUrl;
use standin::mana_mcp::{Faults, PolicyMode};

use super::{Session, event, with_kai};
use crate::neighbours::Neighbours;
use peers::postgres;

const NAMES: [&str; 11] = [
    "habits.create",
    "habits.list",
    "habits.update",
    "habits.archive",
    "journal.add",
    "notes.create",
    "notes.search",
    "spaces.list",
    "todo.create",
    "todo.list",
    "todo.complete",
];

#[tokio::test]
async fn the_list_has_the_documented_tools_in_order() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let session = Session::open(&world, "kai", "space").await;
    let answer = session.post(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})).await;
    let tools = event(&answer)["result"]["tools"].as_array().unwrap().clone();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    for tool in &tools {
        let (name, schema) = (&tool["name"], &tool["inputSchema"]);
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#", "{name}");
        assert_eq!(schema["type"], "object", "{name}");
        let closed = if name == "spaces.list" { Value::Null } else { json!(false) };
        assert_eq!(schema["additionalProperties"], closed, "{name}");
    }
    let create = &tools[8]["inputSchema"];
    assert_eq!(create["required"], json!(["title"]));
    assert_eq!(create["properties"]["title"], json!({"type": "string", "minLength": 1, "maxLength": 500}));
}

#[tokio::test]
async fn each_tool_does_what_it_says_on_sqlite() {
    each_tool_does_what_it_says(Neighbours::in_memory().await).await;
}

#[tokio::test]
async fn each_tool_does_what_it_says_on_postgres() {
    let Some(database) = postgres::database() else { return };
    each_tool_does_what_it_says(Neighbours::start(database.url().parse().unwrap(), |_| ()).await).await;
}

async fn each_tool_does_what_it_says(world: Neighbours) {
    let world = with_kai(world).await;
    let session = Session::open(&world, "kai", "space").await;

    let habit = session.result("habits.create", json!({"title": "Laufen"})).await["habit"].clone();
    let at = habit["createdAt"].clone();
    assert_eq!(
        habit,
        json!({"id": habit["id"], "title": "Laufen", "icon": "star", "color": "#6366f1", "targetPerDay": null,
               "defaultDuration": null, "order": 0, "isArchived": false, "createdAt": at, "updatedAt": at})
    );
    let second = session.result("habits.create", json!({"title": "Lesen", "targetPerDay": 2})).await;
    assert_eq!(second["habit"]["order"], 1);
    let ok = json!({"ok": true});
    let update = json!({"id": habit["id"], "title": "Joggen"});
    assert_eq!(session.result("habits.update", update).await, ok);
    assert_eq!(session.result("habits.archive", json!({"id": second["habit"]["id"]})).await, ok);
    let titles = async |arguments| titles(&session.result("habits.list", arguments).await["habits"]);
    assert_eq!(titles(json!({})).await, ["Joggen"]);
    assert_eq!(titles(json!({"includeArchived": true})).await, ["Joggen", "Lesen"]);

    let arguments = json!({"content": "Ein guter  Tag.", "mood": "dankbar", "tags": ["uni"]});
    let entry = session.result("journal.add", arguments).await["entry"].clone();
    assert_eq!(
        entry,
        json!({"id": entry["id"], "title": null, "content": "Ein guter  Tag.", "entryDate": "2026-11-20",
               "mood": "dankbar", "tags": ["uni"], "wordCount": 3, "isPinned": false, "isFavorite": false,
               "isArchived": false, "createdAt": entry["createdAt"], "updatedAt": entry["createdAt"]})
    );

    for (title, content) in [("Rust", "borrow checker"), ("Einkauf", "rostige Nägel"), ("Idee", "RUSTikal")]
    {
        let note =
            session.result("notes.create", json!({"title": title, "content": content})).await["note"].clone();
        assert_eq!(
            (&note["isPinned"], &note["isArchived"], &note["color"]),
            (&json!(false), &json!(false), &json!(null))
        );
    }
    let found = async |arguments| self::titles(&session.result("notes.search", arguments).await["notes"]);
    assert_eq!(found(json!({"query": "rust"})).await, ["Rust", "Idee"]);
    assert_eq!(found(json!({"limit": 2})).await, ["Rust", "Einkauf"]);

    let due = "2026-11-21T08:00:00Z";
    let arguments = json!({"title": "Milch", "description": "Hafer", "priority": "high", "dueDate": due});
    let task = session.result("todo.create", arguments).await["task"].clone();
    assert_eq!(
        task,
        json!({"id": task["id"], "title": "Milch", "description": "Hafer", "priority": "high",
               "isCompleted": false, "completedAt": null, "dueDate": due, "order": 0, "subtasks": [],
               "createdAt": task["createdAt"], "updatedAt": task["createdAt"]})
    );
    let plain = session.result("todo.create", json!({"title": "Brot"})).await["task"].clone();
    assert_eq!((plain.get("description"), &plain["priority"]), (None, &json!("medium")));
    assert_eq!(session.result("todo.complete", json!({"id": task["id"]})).await, ok);
    let open = async |arguments| self::titles(&session.result("todo.list", arguments).await["tasks"]);
    assert_eq!(open(json!({})).await, ["Brot"]);
    assert_eq!(open(json!({"includeCompleted": true})).await, ["Milch", "Brot"]);
    assert_eq!(open(json!({"includeCompleted": true, "limit": 1})).await, ["Milch"]);
}

#[tokio::test]
async fn records_belong_to_a_user_in_a_space() {
    let world = with_kai(Neighbours::in_memory().await).await;
    world.persona("ben", "daily").await;
    let kai = Session::open(&world, "kai", "one").await;
    let habit = kai.result("habits.create", json!({"title": "Laufen"})).await["habit"].clone();
    for (name, space, expected) in [("kai", "one", 1), ("kai", "two", 0), ("ben", "one", 0)] {
        let session = Session::open(&world, name, space).await;
        let archive = json!({"id": habit["id"], "archived": name == "kai" && space == "two"});
        assert_eq!(session.result("habits.archive", archive).await, json!({"ok": true}), "whatever the id");
        let habits = session.result("habits.list", json!({})).await["habits"].clone();
        assert_eq!(habits.as_array().unwrap().len(), expected, "{name} {space}");
    }
    assert_eq!(kai.result("habits.list", json!({})).await["habits"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn each_failure_has_its_text() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let session = Session::open(&world, "kai", "space").await;
    world
        .stack
        .mcp()
        .set_faults(Faults { failing_tool: Some("habits.list".to_owned()), ..Faults::default() });
    for (tool, arguments, expected) in [
        ("todo_list", json!({}), "MCP error -32602: Tool todo_list not found"),
        (
            "todo.create",
            json!({}),
            "MCP error -32602: Input validation error: Invalid arguments for tool todo.create: \"title\" is a required property",
        ),
        (
            "spaces.list",
            json!({}),
            "Tool spaces.list failed: mana-auth /organization/list failed: 401 Unauthorized",
        ),
        ("habits.list", json!({}), "Tool habits.list failed: the stand-in was told to fail"),
    ] {
        assert_eq!(session.call(tool, arguments).await, (true, expected.to_owned()), "{tool}");
    }
}

#[tokio::test]
async fn encrypted_fields_wait_for_the_vault() {
    let world = Neighbours::in_memory().await;
    world.persona("kai", "daily").await;
    let session = Session::open(&world, "kai", "space").await;
    let id = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
    for (tool, arguments, needs_vault) in [
        ("habits.create", json!({"title": "x"}), false),
        ("habits.list", json!({}), false),
        ("habits.update", json!({"id": id}), false),
        ("habits.archive", json!({"id": id}), false),
        ("journal.add", json!({"content": "x"}), true),
        ("notes.create", json!({"title": "x"}), true),
        ("notes.search", json!({}), true),
        ("todo.create", json!({"title": "x"}), true),
        ("todo.list", json!({}), true),
        ("todo.complete", json!({"id": id}), false),
    ] {
        let (failed, text) = session.call(tool, arguments).await;
        assert_eq!(failed, needs_vault, "{tool}: {text}");
        assert_eq!(text.contains("VAULT_NOT_INITIALISED"), needs_vault, "{tool}: {text}");
    }
    super::open_vault(&world, "kai").await;
    session.result("todo.list", json!({})).await;
}

#[tokio::test]
async fn spaces_are_listed_when_the_original_defect_is_switched_off() {
    let world = Neighbours::start(DatabaseUrl::Memory, |options| options.spaces_list_fails = false).await;
    let kai = world.persona("kai", "daily").await;
    world.clock.advance(TimeDelta::minutes(1));
    world.stack.auth().add_space(&kai, "Familie", "family").await.unwrap();
    let session = Session::open(&world, "kai", "active").await;
    let spaces = session.result("spaces.list", json!({})).await;
    assert_eq!(spaces["activeSpaceId"], "active");
    let kinds: Vec<_> =
        spaces["spaces"].as_array().unwrap().iter().map(|space| space["type"].clone()).collect();
    assert_eq!(kinds, ["personal", "family"]);
}

#[tokio::test]
async fn the_31st_call_in_a_minute_is_denied_where_the_policy_is_enforced() {
    for (policy, expected) in [(PolicyMode::LogOnly, false), (PolicyMode::Enforce, true)] {
        let world = Neighbours::start(DatabaseUrl::Memory, |options| options.policy = policy).await;
        let world = with_kai(world).await;
        let session = Session::open(&world, "kai", "space").await;
        for _ in 0..30 {
            session.result("habits.list", json!({})).await;
        }
        let (denied, text) = session.call("habits.list", json!({})).await;
        assert_eq!(denied, expected, "{policy:?}");
        assert_eq!(
            text.starts_with("Tool habits.list not allowed: rate-limit-exceeded: "),
            expected,
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_silent_tool_never_answers_until_the_session_is_closed() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let session = Session::open(&world, "kai", "space").await;
    world.stack.mcp().set_faults(Faults { silent_tool: Some("todo.list".to_owned()), ..Faults::default() });
    let params = json!({"name": "todo.list", "arguments": {}});
    let message = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params});
    let mut call = std::pin::pin!(session.post(&message));
    tokio::select! {
        answer = &mut call => panic!("{answer:?}"),
        _ = session.result("habits.list", json!({})) => {}
    }
    assert_eq!(session.send(Method::DELETE, "").await.status, 200);
    let ended = call.await;
    assert!(!ended.body.as_str().unwrap_or_default().contains("result"), "{ended:?}");
}

#[tokio::test]
async fn calls_are_counted() {
    let world = with_kai(Neighbours::in_memory().await).await;
    let session = Session::open(&world, "kai", "space").await;
    session.result("todo.list", json!({})).await;
    session.call("todo.list", json!({"limit": 0})).await;
    let metrics = world.mcp(Method::GET, "/metrics", &[], "").await.body;
    let metrics = metrics.as_str().unwrap();
    for line in [
        "mana_mcp_tool_invocations_total{tool=\"todo.list\",outcome=\"ok\"} 1",
        "mana_mcp_tool_invocations_total{tool=\"todo.list\",outcome=\"error\"} 1",
        "mana_mcp_open_sessions 1",
    ] {
        assert!(metrics.lines().any(|metric| metric == line), "{line} in {metrics}");
    }
}

/// The titles of records.
fn titles(records: &Value) -> Vec<String> {
    records.as_array().unwrap().iter().map(|record| record["title"].as_str().unwrap().to_owned()).collect()
}
