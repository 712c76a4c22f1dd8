//! An MCP server that says word for word what a row wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::row::Row;
use super::row_of;
use super::sent::{Meter, Sent};
use crate::support::http::Server;

/// What the server says to one request. `$ID` stands for the request's id.
#[derive(Clone)]
pub(crate) enum Said {
    /// A result, as the text of its JSON.
    Result(String),
    /// A whole answer: its type, and its bytes.
    Whole(&'static str, Vec<u8>),
    /// This, whatever it is, of a request that is carried out.
    Sent(Sent),
    /// The same of one that is not.
    Refused(Sent),
    /// The session is gone, said like this.
    Lost(u16, &'static str),
    /// The token is refused.
    TokenRefused,
    /// That a notification has come.
    Nothing,
}

impl Said {
    pub(crate) fn result(result: &Value) -> Self {
        Self::Result(result.to_string())
    }

    /// A result of one text.
    pub(crate) fn text(text: &str) -> Self {
        Self::result(&json!({"content": [{"type": "text", "text": text}]}))
    }

    /// Events of a stream, each with these bytes as it is.
    pub(crate) fn events(events: &str) -> Self {
        Self::Whole("text/event-stream", events.as_bytes().to_vec())
    }

    /// A list of these tools behind the usual ones.
    pub(crate) fn and_tools(tools: &[Value]) -> Self {
        let all: Vec<Value> = usual().into_iter().chain(tools.iter().cloned()).collect();
        Self::result(&json!({"tools": all}))
    }

    /// Whether a call that is answered so was carried out.
    fn is_done(&self) -> bool {
        !matches!(self, Self::Lost(..) | Self::TokenRefused | Self::Refused(_))
    }
}

/// The tools that there are unless a row says otherwise.
fn usual() -> Vec<Value> {
    let tool =
        |name: &str| json!({"name": name, "description": "Does it.", "inputSchema": {"type": "object"}});
    ["notes.search", "todo.create", "todo.list"].map(tool).to_vec()
}

/// The MCP server of the menu.
pub(crate) struct Bazaar {
    server: Server,
    state: Books,
}

type Books = Arc<Mutex<State_>>;

#[derive(Default)]
struct State_ {
    /// Whose the open sessions are.
    sessions: BTreeMap<String, usize>,
    opened: usize,
    /// How often each row's persona has asked for a session.
    opening: BTreeMap<usize, usize>,
    listed: BTreeMap<usize, usize>,
    /// How many calls were answered, and how many carried out.
    answered: BTreeMap<usize, usize>,
    carried_out: BTreeMap<usize, usize>,
}

#[derive(Clone)]
struct Stall {
    rows: Arc<Vec<Row>>,
    meter: Meter,
    state: Books,
}

impl Bazaar {
    pub(crate) async fn start(rows: Arc<Vec<Row>>, meter: Meter) -> Self {
        let state = Books::default();
        let stall = Stall { rows, meter, state: Arc::clone(&state) };
        let router = Router::new().route("/mcp", post(serve).delete(goodbye)).with_state(stall);
        Self { server: Server::start(router).await, state }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    pub(crate) fn open_sessions(&self) -> usize {
        self.state.lock().unwrap().sessions.len()
    }

    pub(crate) fn carried_out(&self, row: usize) -> usize {
        self.state.lock().unwrap().carried_out.get(&row).copied().unwrap_or_default()
    }
}

async fn goodbye(State(stall): State<Stall>, headers: HeaderMap) {
    stall.state.lock().unwrap().sessions.remove(session(&headers));
}

async fn serve(State(stall): State<Stall>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let Some(row) = caller(&headers) else { return answer(&Said::TokenRefused, &asked, None) };
    let (said, session) = stall.state.lock().unwrap().next(&stall.rows[row], row, &headers, &asked);
    match &said {
        Said::Sent(sent) | Said::Refused(sent) => sent.response(row, &stall.meter).await,
        said => answer(said, &asked, session.as_deref()),
    }
}

impl State_ {
    /// What is said to this, and the id of the session that it opens.
    fn next(
        &mut self,
        row: &Row,
        place: usize,
        headers: &HeaderMap,
        asked: &Value,
    ) -> (Said, Option<String>) {
        if asked["method"] == "initialize" {
            return self.open(row, place);
        }
        if !self.sessions.contains_key(session(headers)) {
            return (Said::Lost(404, "Session not found"), None);
        }
        let nth = |counted: &mut usize| {
            *counted += 1;
            *counted - 1
        };
        let said = match asked["method"].as_str() {
            Some("tools/list") => {
                let listed = nth(self.listed.entry(place).or_default());
                row.tools.get(listed).cloned().unwrap_or_else(|| Said::and_tools(&[]))
            }
            Some("tools/call") => {
                let answered = nth(self.answered.entry(place).or_default());
                row.calls.get(answered).cloned().unwrap_or_else(|| Said::text("done"))
            }
            _ => Said::Nothing,
        };
        if asked["method"] == "tools/call" && said.is_done() {
            *self.carried_out.entry(place).or_default() += 1;
        }
        if matches!(said, Said::Lost(..)) {
            self.sessions.remove(session(headers));
        }
        (said, None)
    }

    fn open(&mut self, row: &Row, place: usize) -> (Said, Option<String>) {
        let opening = self.opening.entry(place).or_default();
        *opening += 1;
        if let Some(said) = row.opening.get(*opening - 1) {
            return (said.clone(), None);
        }
        self.opened += 1;
        let id = format!("session-{}", self.opened);
        self.sessions.insert(id.clone(), place);
        let result = json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                            "serverInfo": {"name": "bazaar", "version": "1"}});
        (Said::result(&result), Some(id))
    }
}

fn answer(said: &Said, asked: &Value, session: Option<&str>) -> Response<Body> {
    let mut response = Response::builder();
    if let Some(session) = session {
        response = response.header("mcp-session-id", session);
    }
    let id = asked["id"].to_string();
    let json = |response: http::response::Builder, text: String| {
        response.header("content-type", "application/json").body(Body::from(text)).unwrap()
    };
    match said {
        Said::Result(result) => json(response, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)),
        Said::Whole(kind, bytes) => {
            response = if kind.is_empty() { response } else { response.header("content-type", *kind) };
            response.body(Body::from(replaced(bytes, b"$ID", id.as_bytes()))).unwrap()
        }
        Said::Lost(status, text) => response.status(*status).body(Body::from(*text)).unwrap(),
        Said::Sent(_) | Said::Refused(_) | Said::Nothing => response.status(202).body(Body::empty()).unwrap(),
        Said::TokenRefused => {
            json(response.status(401), r#"{"error":"Invalid token: it has ended"}"#.to_owned())
        }
    }
}

fn replaced(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(by);
        rest = &rest[at + what.len()..];
    }
    [replaced.as_slice(), rest].concat()
}

fn session(headers: &HeaderMap) -> &str {
    headers.get("mcp-session-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Whose token it is, if it is one.
fn caller(headers: &HeaderMap) -> Option<usize> {
    let token = headers["authorization"].to_str().unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    row_of(claims["email"].as_str()?)
}
