//! Against the reference server that exercises every feature of the protocol.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use serde_json::json;

use super::{PATIENCE, mcp, open};
use crate::support::http::client;
use peers::node::{are_skipped, peers};

/// The server as a process of its own, which ends with the test.
struct Everything {
    process: Child,
    lines: mpsc::Receiver<String>,
    url: String,
}

impl Everything {
    fn start() -> Self {
        let folder = peers(env!("CARGO_TARGET_TMPDIR"));
        let mut process = Command::new("node")
            .args(["--import", "./loopback.mjs"])
            .args(["node_modules/@modelcontextprotocol/server-everything/dist/index.js", "streamableHttp"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("where npm is, node is too");
        let output = process.stdout.take().expect("it is piped");
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Reads on when nobody listens any more, so that the server never waits for us.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut server = Self { process, lines, url: String::new() };
        server.url = format!("http://127.0.0.1:{}/mcp", server.line_after("listening on "));
        server
    }

    /// The rest of the next line that begins with `start`.
    fn line_after(&self, start: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the server says so in time");
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }
}

impl Drop for Everything {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_reference_server_lists_calls_refuses_and_closes() {
    if are_skipped() {
        return;
    }
    let server = Everything::start();
    let mcp = mcp(server.url.clone(), PATIENCE);
    let session = open(&mcp).await.expect("the server opens a session");
    let id = server.line_after("Session initialized with ID: ");

    let tools = session.tools().await.expect("the server lists its tools").tools;
    let echo = tools.iter().find(|tool| tool.name == "echo").expect("it has a tool that echoes");
    assert!(echo.read_only, "it says so");
    assert_eq!(echo.input_schema["properties"]["message"]["type"], "string");
    let as_task = tools.iter().find(|tool| tool.name == "simulate-research-query");
    assert!(as_task.is_none(), "it demands to be called as a task: {as_task:?}");
    assert!(tools.is_sorted_by(|a, b| a.name < b.name));

    for (tool, input, text, is_error) in [
        ("echo", json!({"message": "Grüße"}), "Echo: Grüße", false),
        ("get-sum", json!({"a": 2, "b": 3}), "The sum of 2 and 3 is 5.", false),
        ("get-tiny-image", json!({}), "[image image/png, not shown: about ", false),
        ("get-structured-content", json!({"location": "Chicago"}), r#"{"temperature":"#, false),
        ("echo", json!({"massage": 1}), "MCP error -32602: Input validation error", true),
        ("fly", json!({}), "MCP error -32602: Tool fly not found", true),
    ] {
        let answer = session.call(tool, &input).await.expect("the server answers");
        assert_eq!(
            (answer.text.contains(text), answer.is_error),
            (true, is_error),
            "{tool}: {}",
            answer.text
        );
    }

    session.close().await;
    let after = client()
        .post(&server.url)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-session-id", id)
        .json(&json!({"jsonrpc": "2.0", "id": 9, "method": "tools/list"}))
        .send()
        .await
        .expect("the server is still there");
    assert_eq!(after.status(), 400);
    assert!(after.text().await.expect("a body").contains("No valid session ID"));
}
