//! One request and its answer: time limit, size limit, and the difference between "nobody there" and
//! "no". It knows no endpoint.

use std::error::Error;
use std::time::Duration;

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};
use reqwest::Request;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::asked::Asked;
use super::error::ManaError;
use crate::outbound::{RequestBuilder, Response, SendError};
use domain::mask::masked;
use domain::{encoding, lenient};

/// Bytes of a list of personas; one of ten thousand who are due has about five million.
const LONGEST_LIST: usize = 32 << 20;
/// Bytes of any other answer, which is about one persona.
const LONGEST: usize = 1 << 20;
/// Bytes that are read of a refusal; the rest adds nothing to what its status says.
const LONGEST_REFUSAL: usize = 64 << 10;

/// What mana-auth said.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: String,
    url: String,
    /// What it was sent that nobody is to read; some quote the whole request in their errors.
    sent: Vec<SecretString>,
}

/// Sends a request and reads the whole answer, which has so long from the sending to its last byte. Of a refusal the
/// status counts, and of its words as much as comes.
pub(super) async fn ask(
    asked: &Asked,
    request: RequestBuilder,
    patience: Duration,
) -> Result<Answer, ManaError> {
    let outgoing = request.timeout(patience).build();
    let outgoing = outgoing
        .map_err(|error| ManaError::unreachable(asked, "(no address)", root_cause(&error, patience)))?;
    let request = outgoing.request();
    let (url, sent) = (request.url().to_string(), secrets(asked, request));
    let failed = |error: SendError| {
        if let Some(why) = error.unrecorded() {
            ManaError::Unrecorded { asked: asked.clone(), why: why.to_owned() }
        } else if error.is_connect() {
            ManaError::unreachable(asked, &url, root_cause(&error, patience))
        } else {
            ManaError::no_answer(asked, &url, root_cause(&error, patience))
        }
    };
    let mut response = outgoing.send().await.map_err(failed)?;
    let status = response.status();
    let encodings = response.headers().get_all(CONTENT_ENCODING).iter().map(http::HeaderValue::as_bytes);
    let body = match encoding::unasked(encodings) {
        Some(encoded) if status.is_success() => return Err(ManaError::unreadable(asked, &url, encoded)),
        Some(encoded) => encoded,
        None if status.is_success() => {
            let most = longest(asked);
            let body = read(&mut response, most).await.map_err(failed)?;
            body.ok_or_else(|| ManaError::unreadable(asked, &url, format!("more than {most} bytes")))?
        }
        None => beginning(&mut response).await,
    };
    Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body, url, sent })
}

fn longest(asked: &Asked) -> usize {
    match asked {
        Asked::Due | Asked::List => LONGEST_LIST,
        _ => LONGEST,
    }
}

/// The body as text, or `None` when it is too long to be one of ours.
async fn read(response: &mut Response, most: usize) -> Result<Option<String>, SendError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(String::from_utf8_lossy(&body).into_owned()))
}

/// What can be had of a refusal's words.
async fn beginning(response: &mut Response) -> String {
    let mut body = Vec::new();
    while body.len() < LONGEST_REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_REFUSAL - body.len())]);
    }
    String::from_utf8_lossy(&body).into_owned()
}

impl Answer {
    /// The answer if it is a success, and otherwise the error that quotes it.
    pub(super) fn accepted(self, asked: &Asked) -> Result<Self, ManaError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(ManaError::refused(asked, self.status, &self.quoted()))
        }
    }

    /// The body as it came.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// The body, read as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, asked: &Asked) -> Result<T, ManaError> {
        lenient::read(&self.body)
            .map_err(|error| ManaError::unreadable(asked, &self.url, self.masked(&error.to_string())))
    }

    /// The same, as an error may quote it.
    pub(super) fn quoted(&self) -> String {
        self.masked(&self.body)
    }

    fn masked(&self, text: &str) -> String {
        masked(text, self.sent.iter().map(SecretString::expose_secret))
    }

    /// An error that says why the body, although JSON, is not what it has to be.
    pub(super) fn unreadable(&self, asked: &Asked, cause: impl Into<String>) -> ManaError {
        ManaError::unreadable(asked, &self.url, cause.into())
    }
}

/// The secrets of a request: what its sensitive headers hold, and the password that it signs in with.
fn secrets(asked: &Asked, request: &Request) -> Vec<SecretString> {
    #[derive(Deserialize)]
    struct Credentials {
        password: String,
    }
    let sensitive = request.headers().values().filter(|value| value.is_sensitive());
    let words = sensitive.filter_map(|value| value.to_str().ok()).flat_map(words);
    let has_password = matches!(asked, Asked::Login { .. } | Asked::Create { .. });
    let body = request.body().filter(|_| has_password).and_then(|body| body.as_bytes()).unwrap_or_default();
    let password = serde_json::from_slice::<Credentials>(body).ok().map(|credentials| credentials.password);
    words.map(str::to_owned).chain(password).map(SecretString::from).collect()
}

/// What is secret in a header: all of it, and of a Bearer or of cookies the values.
fn words(header: &str) -> impl Iterator<Item = &str> {
    let values = header.split(';').filter_map(|part| Some(part.split_once('=')?.1.trim()));
    [header.trim_start_matches("Bearer ")].into_iter().chain(values)
}

/// The innermost cause, such as `Connection refused (os error 111)`: the outer ones repeat the address.
fn root_cause(error: &SendError, patience: Duration) -> String {
    if error.is_timeout() {
        return format!("it did not come whole within {} s", patience.as_secs_f32());
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
