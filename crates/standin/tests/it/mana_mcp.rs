//! The stand-in mana-mcp: each row of the contract's table over plain HTTP, each tool, each way in which
//! a call can fail, and the official client.

mod gate;
mod official_client;
mod tools;

use reqwest::Method;
use serde_json::{Value, json};

use crate::neighbours::{Answer, Neighbours};

/// An open session, asked over plain HTTP.
struct Session<'a> {
    world: &'a Neighbours,
    authorization: String,
    space: String,
    id: String,
}

const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
const CONTENT: (&str, &str) = ("content-type", "application/json");

impl<'a> Session<'a> {
    /// Opens a session for a persona that exists.
    async fn open(world: &'a Neighbours, name: &str, space: &str) -> Self {
        let authorization = format!("Bearer {}", world.jwt(name).await);
        let mut session = Self { world, authorization, space: space.to_owned(), id: String::new() };
        let answer = session.post(&initialize("2025-11-25")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        session.id = answer.header("mcp-session-id").unwrap().to_owned();
        session
    }

    /// Posts a message.
    async fn post(&self, message: &Value) -> Answer {
        self.send(Method::POST, &message.to_string()).await
    }

    async fn send(&self, method: Method, body: &str) -> Answer {
        let mut headers = vec![
            ("authorization", self.authorization.as_str()),
            ("x-mana-space", self.space.as_str()),
            ACCEPT,
            CONTENT,
        ];
        if !self.id.is_empty() {
            headers.push(("mcp-session-id", &self.id));
        }
        self.world.mcp(method, "/mcp", &headers, body).await
    }

    /// Calls a tool: whether it failed, and its one text.
    async fn call(&self, tool: &str, arguments: Value) -> (bool, String) {
        let params = json!({"name": tool, "arguments": arguments});
        let answer =
            self.post(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})).await;
        let result = event(&answer)["result"].clone();
        let content = result["content"].as_array().unwrap();
        assert_eq!((content.len(), &content[0]["type"]), (1, &json!("text")), "{result}");
        (result["isError"] == true, content[0]["text"].as_str().unwrap().to_owned())
    }

    /// Calls a tool that has to succeed: its result.
    async fn result(&self, tool: &str, arguments: Value) -> Value {
        let (failed, text) = self.call(tool, arguments).await;
        assert!(!failed, "{tool}: {text}");
        let result: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(text, serde_json::to_string_pretty(&result).unwrap(), "indented by two");
        result
    }
}

/// The message that opens a session.
fn initialize(version: &str) -> Value {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
}

/// The message of an answer's only server-sent event.
fn event(answer: &Answer) -> Value {
    assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{answer:?}");
    let text = answer.body.as_str().unwrap();
    let data: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
    assert_eq!(data.len(), 1, "{text}");
    serde_json::from_str(data[0].trim_start()).unwrap()
}

/// Neighbours with one persona that has a vault.
async fn with_kai(world: Neighbours) -> Neighbours {
    world.persona("kai", "daily").await;
    open_vault(&world, "kai").await;
    world
}

async fn open_vault(world: &Neighbours, name: &str) {
    let bearer = format!("Bearer {}", world.jwt(name).await);
    let headers = [("authorization", bearer.as_str())];
    let answer = world.auth(Method::POST, "/api/v1/me/encryption-vault/init", &headers, "").await;
    assert_eq!(answer.status, 200);
}
