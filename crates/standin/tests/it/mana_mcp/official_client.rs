//! The official TypeScript client of MCP: what it understands is MCP.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::with_kai;
use crate::neighbours::Neighbours;
use peers::node;

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_lists_calls_and_closes() {
    if node::are_skipped() {
        return;
    }
    let world = with_kai(Neighbours::in_memory().await).await;
    let url = format!("{}/mcp", world.stack.mcp_url());
    let jwt = world.jwt("kai").await;
    let folder = tokio::task::spawn_blocking(|| node::peers(env!("CARGO_TARGET_TMPDIR"))).await.unwrap();
    let mut client = Command::new("node")
        .args(["mcp-client.mjs", &url, &jwt, "space"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js is needed to test against peers: `apt-get install nodejs`");
    let stdout = client.stdout.take().unwrap();
    let line = tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next()).await.unwrap();
    let seen: Value = serde_json::from_str(&line.expect("the client reports").unwrap()).unwrap();
    assert_eq!(world.stack.mcp().open_sessions().await, 1);

    assert_eq!(seen["server"], json!({"name": "mana", "version": "0.1.0"}));
    assert_eq!(seen["capabilities"], json!({"tools": {"listChanged": true}}));
    assert_eq!((&seen["protocol"], &seen["session"]), (&json!("2025-11-25"), &json!("string")));
    let tools: Vec<_> = seen["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!((tools.len(), &tools[0], &tools[10]), (11, &json!("habits.create"), &json!("todo.complete")));
    let created: Value =
        serde_json::from_str(seen["created"]["content"][0]["text"].as_str().unwrap()).unwrap();
    let listed: Value = serde_json::from_str(seen["listed"]["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(created["task"]["title"], "Milch kaufen");
    assert_eq!(listed["tasks"], json!([created["task"]]));
    for (call, beginning) in [
        ("refused", "MCP error -32602: Input validation error: Invalid arguments for tool todo.create: "),
        ("unknown", "MCP error -32602: Tool todo_list not found"),
    ] {
        assert_eq!(seen[call]["isError"], true, "{call}");
        let text = seen[call]["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with(beginning), "{call}: {text}");
    }

    client.stdin.take().unwrap().write_all(b"close\n").unwrap();
    let status = tokio::task::spawn_blocking(move || client.wait()).await.unwrap().unwrap();
    assert!(status.success());
    assert_eq!(world.stack.mcp().open_sessions().await, 0);
}
