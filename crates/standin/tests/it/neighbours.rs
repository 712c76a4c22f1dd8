//! Running stand-ins with a clock that stands on a Friday, and a plain HTTP client to ask them.

use chrono::{DateTime, Utc};
use domain::clock::Clock;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use standin::{DatabaseUrl, Stack, StackOptions};

/// Noon of a Friday.
pub(crate) const FRIDAY: &str = "2026-11-20T12:00:00Z";

/// The stand-ins of one test.
pub(crate) struct Neighbours {
    pub(crate) stack: Stack,
    pub(crate) clock: Clock,
    http: reqwest::Client,
}

/// What somebody answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// JSON, or the text as a JSON string.
    pub(crate) body: Value,
}

impl Neighbours {
    /// In memory, as the real ones behave.
    pub(crate) async fn in_memory() -> Self {
        Self::start(DatabaseUrl::Memory, |_| ()).await
    }

    /// On this database, with some options changed.
    pub(crate) async fn start(database: DatabaseUrl, change: impl FnOnce(&mut StackOptions)) -> Self {
        let clock = Clock::starting_at(FRIDAY.parse::<DateTime<Utc>>().unwrap());
        let mut options = StackOptions { database, ..StackOptions::on_free_ports(clock.clone()) };
        change(&mut options);
        let stack = Stack::start(options).await.unwrap();
        Self { stack, clock, http: client() }
    }

    /// Asks mana-auth.
    pub(crate) async fn auth(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let url = format!("{}{path}", self.stack.auth_url());
        ask(&self.http, method, &url, headers, body).await
    }

    /// Asks mana-mcp.
    pub(crate) async fn mcp(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let url = format!("{}{path}", self.stack.mcp_url());
        ask(&self.http, method, &url, headers, body).await
    }

    /// Asks one of the runner's endpoints, with the service key.
    pub(crate) async fn runner(&self, method: Method, path: &str, body: &str) -> Answer {
        let headers = [("x-service-key", self.stack.service_key())];
        self.auth(method, &format!("/api/v1/internal/personas{path}"), &headers, body).await
    }

    /// Asks one of the administrators' endpoints, with the stand-in's admin token.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", self.stack.admin_jwt());
        let headers = [("authorization", bearer.as_str())];
        self.auth(method, &format!("/api/v1/admin/personas{path}"), &headers, body).await
    }

    /// Makes the persona `persona.<name>@mana.test`, password `<name>-password`; returns its user id.
    pub(crate) async fn persona(&self, name: &str, cadence: &str) -> String {
        let answer = self.admin(Method::POST, "", &new_persona(name, cadence).to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["userId"].as_str().unwrap().to_owned()
    }

    /// Logs a persona in; the whole answer.
    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password}).to_string();
        self.auth(Method::POST, "/api/v1/auth/login", &[], &body).await
    }

    /// The JWT of a persona made by [`Neighbours::persona`].
    pub(crate) async fn jwt(&self, name: &str) -> String {
        let answer = self.login(&email(name), &password(name)).await;
        answer.body["accessToken"].as_str().unwrap().to_owned()
    }
}

impl Answer {
    /// Status and body, for comparison.
    pub(crate) fn said(&self) -> (u16, Value) {
        (self.status, self.body.clone())
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The body that makes a persona.
pub(crate) fn new_persona(name: &str, cadence: &str) -> Value {
    json!({
        "email": email(name),
        "name": name,
        "password": password(name),
        "archetype": "solo-dev",
        "systemPrompt": "Du baust allein an einer App.",
        "moduleMix": {"todo": 0.5, "journal": 0.3, "mood": 0.2},
        "tickCadence": cadence,
    })
}

pub(crate) fn email(name: &str) -> String {
    format!("persona.{name}@mana.test")
}

pub(crate) fn password(name: &str) -> String {
    format!("{name}-password")
}

/// An HTTP client on the TLS that the program itself uses.
pub(crate) fn client() -> reqwest::Client {
    // It fails when another test was first, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
}

async fn ask(
    http: &reqwest::Client,
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let mut request = http.request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_owned()).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, headers, body }
}
