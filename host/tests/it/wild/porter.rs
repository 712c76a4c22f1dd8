//! A mana-auth that is the stand-in, but for what a row wants to be answered otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use serde_json::Value;

use super::Row;
use super::sent::{Meter, Sent};
use crate::support::http::{Server, client};

/// What mana-auth is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Route {
    SignIn,
    Token,
    Spaces,
    VaultStatus,
    VaultInit,
    Actions,
    Feedback,
}

/// One answer.
#[derive(Clone)]
pub(crate) enum At {
    /// This, and nobody hears of the request.
    Sent(Sent),
    /// What the stand-in says, with its JSON changed so.
    Amended(fn(&mut Value)),
    /// What the stand-in says, without cookies.
    WithoutCookie,
    /// The stand-in does what is asked, and this is the answer.
    Taken(Sent),
}

/// The mana-auth of the menu.
pub(crate) struct Porter {
    server: Server,
    lodge: Lodge,
}

#[derive(Clone)]
struct Lodge {
    rows: Arc<Vec<Row>>,
    meter: Meter,
    http: reqwest::Client,
    stand_in: Arc<OnceLock<String>>,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    /// Rows by their personas' cookies, tokens and ids.
    known: BTreeMap<String, usize>,
    /// Tokens of the stand-in by what was given out in their place.
    originals: BTreeMap<String, String>,
    answered: BTreeMap<(usize, Route), usize>,
    /// What is said next to who is due.
    due: Option<At>,
}

/// What the stand-in has said.
struct Heard {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Porter {
    pub(crate) async fn start(rows: Arc<Vec<Row>>, meter: Meter) -> Self {
        let (stand_in, books) = Default::default();
        let lodge = Lodge { rows, meter, http: client(), stand_in, books };
        let server = Server::start(Router::new().fallback(serve).with_state(lodge.clone())).await;
        Self { server, lodge }
    }

    /// Stands before the stand-in at this address from now on; gives the own one.
    pub(crate) fn stand_before(&self, stand_in: &str) -> String {
        self.lodge.stand_in.set(stand_in.to_owned()).expect("it stands before one");
        self.server.url("")
    }

    /// Who asks next who is due is answered so.
    pub(crate) fn says_of_due(&self, at: At) {
        self.lodge.books.lock().unwrap().due = Some(at);
    }
}

async fn serve(
    State(lodge): State<Lodge>,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let (route, row, at) = lodge.next(uri.path(), &mut headers, &body);
    let meter = &lodge.meter;
    let place = row.unwrap_or_default();
    if let Some(At::Sent(sent)) = &at {
        return sent.response(place, meter).await;
    }
    let mut heard = lodge.ask(method, &uri, headers, body).await;
    if let (Some(row), Some(route)) = (row, route) {
        lodge.books.lock().unwrap().learn(row, route, &heard);
    }
    match at {
        Some(At::Taken(sent)) => return sent.response(place, meter).await,
        Some(At::WithoutCookie) => drop(heard.headers.remove(SET_COOKIE)),
        Some(At::Amended(amend)) => {
            let mut json = heard.json();
            let original = json["token"].clone();
            amend(&mut json);
            if let (Some(Route::Token), Some(given), Some(original)) =
                (route, json["token"].as_str(), original.as_str())
            {
                let mut books = lodge.books.lock().unwrap();
                books.known.insert(given.to_owned(), place);
                books.originals.insert(given.to_owned(), original.to_owned());
            }
            heard.body = json.to_string().into_bytes();
        }
        _ => {}
    }
    let mut response = Response::new(Body::from(heard.body));
    *response.status_mut() = heard.status;
    heard.headers.remove(CONTENT_LENGTH);
    *response.headers_mut() = heard.headers;
    response
}

impl Lodge {
    /// What is asked, by whose persona, and what the row wants to be said.
    fn next(
        &self,
        path: &str,
        headers: &mut HeaderMap,
        body: &[u8],
    ) -> (Option<Route>, Option<usize>, Option<At>) {
        let mut books = self.books.lock().unwrap();
        if path.ends_with("/due") {
            return (None, None, books.due.take());
        }
        let row = books.caller(path, headers, body);
        let route = Route::of(path);
        let (Some(row), Some(route)) = (row, route) else { return (route, row, None) };
        let answered = books.answered.entry((row, route)).or_default();
        *answered += 1;
        let answers = self.rows[row].mana.iter().find(|(own, _)| *own == route);
        (Some(route), Some(row), answers.and_then(|(_, answers)| answers.get(*answered - 1)).cloned())
    }

    async fn ask(&self, method: Method, uri: &Uri, mut headers: HeaderMap, body: Bytes) -> Heard {
        headers.remove(HOST);
        let base = self.stand_in.get().expect("it stands before one");
        let request = self.http.request(method, format!("{base}{uri}")).headers(headers).body(body);
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Heard { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        Some(match path.rsplit('/').next()? {
            "email" | "login" => Self::SignIn,
            "token" => Self::Token,
            "list" => Self::Spaces,
            "status" => Self::VaultStatus,
            "init" => Self::VaultInit,
            "actions" => Self::Actions,
            "feedback" => Self::Feedback,
            _ => return None,
        })
    }
}

impl Books {
    /// Whose persona asks. A token that was given out in place of another is changed back.
    fn caller(&self, path: &str, headers: &mut HeaderMap, body: &[u8]) -> Option<usize> {
        let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let credentials: Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(email) = credentials["email"].as_str() {
            return super::row_of(email);
        }
        if let Some(cookie) = said(COOKIE) {
            return self.known.get(cookie).copied();
        }
        if let Some(token) = said(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")) {
            let row = self.known.get(token).copied();
            if let Some(original) = self.originals.get(token) {
                headers.insert(AUTHORIZATION, format!("Bearer {original}").parse().unwrap());
            }
            return row;
        }
        let persona = path.rsplit('/').nth(1)?;
        self.known.get(persona).copied()
    }

    /// Remembers by what the row's persona is known from now on.
    fn learn(&mut self, row: usize, route: Route, heard: &Heard) {
        if !matches!(route, Route::SignIn | Route::Token) {
            return;
        }
        let json = heard.json();
        let words = [&json["token"], &json["accessToken"], &json["user"]["id"]];
        let cookies = heard.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        let cookies = cookies.filter_map(|cookie| cookie.split(';').next());
        for word in words.into_iter().filter_map(Value::as_str).chain(cookies) {
            self.known.insert(word.to_owned(), row);
        }
    }
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
