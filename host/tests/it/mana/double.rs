//! A mana-auth that answers from a list.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde_json::Value;

use crate::support::http::Server;

/// One answer.
#[derive(Clone)]
pub(crate) struct Says {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
}

/// The answer with this status and body.
pub(crate) fn says(status: u16, body: impl ToString) -> Says {
    Says { status: StatusCode::from_u16(status).expect("a status"), headers: vec![], body: body.to_string() }
}

impl Says {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header value");
        self.headers.push((HeaderName::from_static(name), value));
        self
    }
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// Such as `GET /api/auth/token`.
    pub(crate) what: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Came {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

#[derive(Default)]
struct Book {
    answers: BTreeMap<String, VecDeque<Says>>,
    came: Vec<Came>,
}

/// The double.
pub(crate) struct Double {
    server: Server,
    book: Arc<Mutex<Book>>,
}

impl Double {
    /// Answers each of these requests, such as `GET /api/auth/token`, with the answers in turn, the last
    /// of them again and again; everything else as mana-auth answers an unknown path.
    pub(crate) async fn start(answers: impl IntoIterator<Item = (&str, Vec<Says>)>) -> Self {
        let answers = answers.into_iter().map(|(what, says)| (what.to_owned(), says.into())).collect();
        let book = Arc::new(Mutex::new(Book { answers, came: vec![] }));
        let server = Server::start(Router::new().fallback(answer).with_state(book.clone())).await;
        Self { server, book }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url("")
    }

    /// What came so far.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.book.lock().expect("no test panics with the book open").came.clone()
    }

    /// The method and path of each.
    pub(crate) fn order(&self) -> Vec<String> {
        self.came().into_iter().map(|came| came.what).collect()
    }
}

async fn answer(
    State(book): State<Arc<Mutex<Book>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut book = book.lock().expect("no test panics with the book open");
    let what = format!("{method} {}", uri.path());
    let said = match book.answers.get_mut(&what) {
        Some(answers) if answers.len() > 1 => answers.pop_front(),
        Some(answers) => answers.front().cloned(),
        None => None,
    };
    book.came.push(Came { what, headers, body: String::from_utf8_lossy(&body).into_owned() });
    let said = said.unwrap_or_else(|| says(404, "404 Not Found"));
    let mut response = (said.status, said.body).into_response();
    for (name, value) in said.headers {
        response.headers_mut().append(name, value);
    }
    response
}
