//! A Claude that replies word for word what a row wants, and refuses what the real one refuses.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::row::Row;
use super::sent::{Meter, Sent, sent, well};
use super::{row_named_in, text_of};
use crate::support::http::Server;

/// One reply.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These blocks, and why it stops; nothing, if it does not say.
    Says(Vec<Part>, Option<&'static str>),
    /// This, whatever it is.
    Sent(Sent),
}

/// A block of a reply.
#[derive(Clone)]
pub(crate) enum Part {
    /// As JSON; what is text in it may have any escapes.
    Raw(String),
    /// A call, whose arguments are sent as this text.
    Call(Value, Value, String),
}

pub(crate) fn text(text: &str) -> Part {
    Part::Raw(json!({"type": "text", "text": text}).to_string())
}

/// A call of a tool by the name that Claude knows it by.
pub(crate) fn call(id: &str, name: &str) -> Part {
    Part::Call(json!(id), json!(name), "{}".to_owned())
}

pub(crate) fn with(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(json!(id), json!(name), arguments.to_owned())
}

pub(crate) fn says(parts: impl IntoIterator<Item = Part>, stop: &'static str) -> Reply {
    Reply::Says(parts.into_iter().collect(), Some(stop))
}

/// A reply that wants tools.
pub(crate) fn wants(parts: impl IntoIterator<Item = Part>) -> Reply {
    says(parts, "tool_use")
}

impl Reply {
    /// The same as bytes of a stream.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let Self::Says(parts, stop) = self else { return Vec::new() };
        let mut events = vec![
            json!({"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 1}}})
                .to_string(),
        ];
        for (index, part) in parts.iter().enumerate() {
            match part {
                Part::Raw(block) => events.push(format!(
                    r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#
                )),
                Part::Call(id, name, arguments) => {
                    let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
                    events.push(
                        json!({"type": "content_block_start", "index": index, "content_block": block})
                            .to_string(),
                    );
                    let delta = json!({"type": "input_json_delta", "partial_json": arguments});
                    events.push(
                        json!({"type": "content_block_delta", "index": index, "delta": delta}).to_string(),
                    );
                }
            }
            events.push(json!({"type": "content_block_stop", "index": index}).to_string());
        }
        events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop}}).to_string());
        events.push(json!({"type": "message_stop"}).to_string());
        let frames = events.iter().map(|event| format!("data: {event}\n\n"));
        frames.collect::<String>().into_bytes()
    }

    /// As it is sent.
    fn sent(&self) -> Sent {
        match self {
            Self::Says(..) => well("text/event-stream", self.bytes()),
            Self::Sent(sent) => sent.clone(),
        }
    }
}

/// The Claude of the menu.
pub(crate) struct Oracle {
    server: Server,
    books: Books,
}

type Books = Arc<Mutex<Vec<Account>>>;

/// What a row's persona has asked.
#[derive(Clone, Default)]
struct Account {
    asked: Vec<String>,
    replies: usize,
    ratings: usize,
    refused: Vec<String>,
}

#[derive(Clone)]
struct Stage {
    rows: Arc<Vec<Row>>,
    meter: Meter,
    books: Books,
}

impl Oracle {
    pub(crate) async fn start(rows: Arc<Vec<Row>>, meter: Meter) -> Self {
        let books: Books = Arc::new(Mutex::new(vec![Account::default(); rows.len()]));
        let stage = Stage { rows, meter, books: Arc::clone(&books) };
        let router = Router::new().route("/v1/messages", post(reply)).with_state(stage);
        Self { server: Server::start(router).await, books }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    /// What Claude was told, request by request.
    pub(crate) fn asked(&self, row: usize) -> Vec<String> {
        self.books.lock().unwrap()[row].asked.clone()
    }

    /// What Claude refused for a reason that the row does not name.
    pub(crate) fn refused(&self, row: usize) -> Vec<String> {
        self.books.lock().unwrap()[row].refused.clone()
    }
}

async fn reply(State(stage): State<Stage>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let place = row_named_in(&asked["system"].to_string()).expect("the system prompt names its row");
    let row = &stage.rows[place];
    let said = {
        let mut books = stage.books.lock().unwrap();
        books[place].next(row, &headers, &asked)
    };
    match said {
        Ok(reply) => reply.sent().response(place, &stage.meter).await,
        Err(message) => refused(&message).response(place, &stage.meter).await,
    }
}

impl Account {
    /// What is replied, or why the real one would not.
    fn next(&mut self, row: &Row, headers: &HeaderMap, asked: &Value) -> Result<Reply, String> {
        self.asked.push(text_of(asked));
        let tools = asked["tools"].as_array().cloned().unwrap_or_default();
        let is_refused = |tool: &Value| row.refused_tools.iter().any(|refused| tool["name"] == *refused);
        if let Some(at) = tools.iter().position(is_refused) {
            return Err(format!("tools.{at}.custom.input_schema: this one is not liked"));
        }
        if let Some((_, kind, message)) = standin::claude::refusal(headers, asked) {
            self.refused.push(format!("{kind}: {message}"));
            return Err(message);
        }
        let asks_for_ratings = asked["messages"].as_array().is_some_and(|messages| messages.len() == 1)
            && self.asked.len() > 1
            && self.replies > 0
            && tools.is_empty();
        if asks_for_ratings {
            self.ratings += 1;
            let rating = json!({"ratings": [{"module": "todo", "rating": 4, "notes": "gut"}, {"module": "notes", "rating": 4, "notes": "gut"}]});
            let usual = || says([text(&rating.to_string())], "end_turn");
            return Ok(row.ratings.get(self.ratings - 1).cloned().unwrap_or_else(usual));
        }
        self.replies += 1;
        let usual = || says([text("Fertig.")], "end_turn");
        Ok(row.claude.get(self.replies - 1).cloned().unwrap_or_else(usual))
    }
}

fn refused(message: &str) -> Sent {
    let body = json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
    sent(400, body.to_string()).with("content-type", "application/json")
}
