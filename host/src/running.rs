//! The daemon that runs, asked over HTTP by the commands. It knows the API's paths and nobody's inside.

use std::collections::VecDeque;
use std::time::Duration;

use http::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::outbound::{Client, Response, SendError};
use crate::sse::{Decoder, Event};
use domain::code::Code;

/// What the commands call themselves, so that it is known who asked.
pub const AGENT: &str = concat!("persona-host-command/", env!("CARGO_PKG_VERSION"));
/// The longest error text of something that is no persona-host, in characters.
const LONGEST_QUOTE: usize = 200;
/// Bytes of one event: none of ours comes near.
const LONGEST_EVENT: usize = 4 << 20;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The same where a build is loaded.
const BUILD: Duration = Duration::from_secs(10 * 60);
/// How long a stream of events may be silent: it says every 15 s that it is there.
const SILENCE: Duration = Duration::from_secs(60);

/// The API of a daemon.
#[derive(Clone, Debug)]
pub struct Running {
    http: Client,
    base: String,
    token: SecretString,
}

/// Why the daemon did not do it.
#[derive(Debug, thiserror::Error)]
pub enum RunningError {
    /// Nobody listens there.
    #[error("no persona-host answers at {base}: {cause}")]
    NoAnswer {
        /// Where it was looked for.
        base: String,
        /// The client's words.
        cause: String,
    },
    /// It answers, but not as a persona-host of this version does.
    #[error("what answers at {base} is no persona-host of this version: HTTP {status}, {said}")]
    Stranger {
        /// Where.
        base: String,
        /// Its status.
        status: StatusCode,
        /// The beginning of what it says.
        said: String,
    },
    /// It says no.
    #[error("{message}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// What happened, if this version knows the code.
        code: Option<Code>,
        /// What it says.
        message: String,
        /// What it advises.
        hint: Option<String>,
    },
}

impl Running {
    /// The daemon at `base`, such as `http://127.0.0.1:3070`. The token is sent if there is one.
    #[must_use]
    pub fn at(http: Client, base: &str, token: SecretString) -> Self {
        Self { http, base: base.trim_end_matches('/').to_owned(), token }
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `POST /api/pause` or `/api/resume`, with these parameters.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no.
    pub async fn brake(&self, verb: &str, asked: &[(&str, &str)]) -> Result<Value, RunningError> {
        let query: Vec<String> =
            asked.iter().map(|(name, value)| format!("{name}={}", one_segment(value))).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        self.ask(Method::POST, &format!("/api/{verb}{query}")).await
    }

    /// `GET /health`.
    ///
    /// # Errors
    /// When nobody answers, or something else does.
    pub async fn health(&self) -> Result<Value, RunningError> {
        self.ask(Method::GET, "/health").await
    }

    /// `GET /health/ready`: what is in the way, and what is worth noting, whether or not it is ready.
    ///
    /// # Errors
    /// When nobody answers, or something else does.
    pub async fn ready(&self) -> Result<Value, RunningError> {
        let (status, text) = self.exchange(Method::GET, "/health/ready").await?;
        match serde_json::from_str::<Value>(&text) {
            Ok(document) if document["ready"].is_boolean() => Ok(document),
            _ => Err(self.stranger(status, &text)),
        }
    }

    /// `GET /api/status`.
    ///
    /// # Errors
    /// When nobody answers, or something else does.
    pub async fn status(&self) -> Result<Value, RunningError> {
        self.ask(Method::GET, "/api/status").await
    }

    /// `GET /api/personas`.
    ///
    /// # Errors
    /// When nobody answers, or something else does.
    pub async fn personas(&self) -> Result<Value, RunningError> {
        self.ask(Method::GET, "/api/personas").await
    }

    /// `GET /api/plugins`.
    ///
    /// # Errors
    /// When nobody answers, or something else does.
    pub async fn plugins(&self) -> Result<Value, RunningError> {
        self.ask(Method::GET, "/api/plugins").await
    }

    /// `POST /api/plugins/{plugin}/{change}`: `reload` or `rollback`.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no.
    pub async fn change(&self, plugin: &str, change: &str) -> Result<Value, RunningError> {
        self.ask(Method::POST, &format!("/api/plugins/{plugin}/{change}")).await
    }

    /// `POST /api/personas/{email}/release`.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no.
    pub async fn release(&self, email: &str) -> Result<Value, RunningError> {
        self.ask(Method::POST, &format!("/api/personas/{}/release", one_segment(email))).await
    }

    /// `POST /api/turns/{id}/resume`.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no.
    pub async fn resume(&self, turn: &str) -> Result<Value, RunningError> {
        self.ask(Method::POST, &format!("/api/turns/{}/resume", one_segment(turn))).await
    }

    /// `GET /events` with these parameters, behind the event of the number `last` if there is one.
    ///
    /// # Errors
    /// When nobody answers, or the answer is no.
    pub async fn events(&self, asked: &[(&str, String)], last: Option<i64>) -> Result<Told, RunningError> {
        let query: Vec<String> =
            asked.iter().map(|(name, value)| format!("{name}={}", one_segment(value))).collect();
        let last: Vec<(&str, String)> = last.iter().map(|last| ("last-event-id", last.to_string())).collect();
        let asked = format!("/events?{}", query.join("&"));
        let response = self.within(ANSWER, self.send(Method::GET, &asked, &last)).await?;
        let status = response.status();
        if status == StatusCode::OK {
            let decoder = Decoder::new(LONGEST_EVENT);
            return Ok(Told { from: self.clone(), response, decoder, read: VecDeque::new() });
        }
        let text = response.text().await.map_err(|error| self.silent(&error))?;
        self.read(status, &text).and_then(|_| Err(self.stranger(status, &text)))
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Value, RunningError> {
        let (status, text) = self.exchange(method, path).await?;
        self.read(status, &text)
    }

    async fn exchange(&self, method: Method, path: &str) -> Result<(StatusCode, String), RunningError> {
        // A build that is to be loaded shows first what it can do.
        let span = if path.starts_with("/api/plugins/") { BUILD } else { ANSWER };
        let whole = async {
            let response = self.send(method, path, &[]).await?;
            let status = response.status();
            Ok((status, response.text().await.map_err(|error| self.silent(&error))?))
        };
        self.within(span, whole).await
    }

    /// What comes of it, unless that takes longer: whoever accepts connections may be stuck, or be another program.
    async fn within<T>(
        &self,
        span: Duration,
        answer: impl Future<Output = Result<T, RunningError>>,
    ) -> Result<T, RunningError> {
        let late = |_| {
            let cause = format!("what listens there did not answer within {} s", span.as_secs());
            RunningError::NoAnswer { base: self.base.clone(), cause }
        };
        tokio::time::timeout(span, answer).await.map_err(late)?
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
    ) -> Result<Response, RunningError> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        request = request.header(http::header::USER_AGENT, AGENT);
        for (name, value) in headers {
            request = request.header(*name, value.as_str());
        }
        if !self.token.expose_secret().is_empty() {
            request = request.bearer_auth(self.token.expose_secret());
        }
        request.send().await.map_err(|error| self.silent(&error))
    }

    fn silent(&self, error: &SendError) -> RunningError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        RunningError::NoAnswer { base: self.base.clone(), cause: cause.to_string() }
    }

    fn read(&self, status: StatusCode, text: &str) -> Result<Value, RunningError> {
        let document: Option<Value> = serde_json::from_str(text).ok();
        match document {
            Some(document) if status.is_success() && document.is_object() => Ok(document),
            Some(document) if document["error"]["message"].is_string() => {
                let of = |name: &str| document["error"][name].as_str().map(str::to_owned);
                let code = of("code").and_then(|word| Code::of(&word));
                let message = of("message").unwrap_or_default();
                Err(RunningError::Refused { status, code, message, hint: of("hint") })
            }
            _ => Err(self.stranger(status, text)),
        }
    }

    fn stranger(&self, status: StatusCode, said: &str) -> RunningError {
        let said = said.chars().take(LONGEST_QUOTE).collect();
        RunningError::Stranger { base: self.base.clone(), status, said }
    }
}

/// Events as the daemon tells them.
#[derive(Debug)]
pub struct Told {
    from: Running,
    response: Response,
    decoder: Decoder,
    read: VecDeque<Event>,
}

impl Told {
    /// How far it was told, once all that has come is read: from there on whoever comes back misses nothing.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.decoder.last_id()?.parse().ok()
    }

    /// The next one; nothing when the daemon has ended it.
    ///
    /// # Errors
    /// When the connection breaks off, or what comes is no event.
    pub async fn next(&mut self) -> Result<Option<Value>, RunningError> {
        while self.read.is_empty() {
            let chunk = async { self.response.chunk().await.map_err(|error| self.from.silent(&error)) };
            let Some(chunk) = self.from.within(SILENCE, chunk).await? else { return Ok(None) };
            let mut events = Vec::new();
            let fed = self.decoder.feed(&chunk, &mut events);
            fed.map_err(|long| self.no_event(&long.to_string()))?;
            self.read.extend(events);
        }
        let event = self.read.pop_front().unwrap_or_default();
        let told = serde_json::from_str(&event.data).map_err(|_| self.no_event(&event.data))?;
        Ok(Some(told))
    }

    fn no_event(&self, said: &str) -> RunningError {
        self.from.stranger(self.response.status(), said)
    }
}

/// Text as one part of a path, or as a value behind the `?`: whatever else it holds than letters, digits, `-`, `_`, `.` and
/// `@` is escaped.
#[must_use]
pub fn one_segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_accepts_and_does_not_answer_is_not_waited_for_without_end() {
        let client = crate::outbound::client().expect("a client");
        let running = Running::at(client, "http://localhost:3070/", SecretString::default());
        let never = std::future::pending::<Result<(), RunningError>>();
        let error = running.within(Duration::ZERO, never).await.expect_err("nobody answers");
        assert!(
            error.to_string().ends_with("localhost:3070: what listens there did not answer within 0 s"),
            "{error}"
        );
    }

    #[test]
    fn no_address_leaves_its_part_of_the_path() {
        assert_eq!(one_segment("persona.kai@mana.test"), "persona.kai@mana.test");
        assert_eq!(one_segment("a/../b?c#d ü"), "a%2F..%2Fb%3Fc%23d%20%C3%BC");
    }
}
