//! One request and its answer: time limit, size limit, and the difference between "nobody there" and
//! "no". It knows no endpoint.

use std::error::Error;
use std::time::Duration;

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;

use super::error::{Asked, ManaError};
use domain::{encoding, lenient};

/// From sending a request to the last byte of its answer.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Bytes of an answer; a due list of ten thousand personas has about five million.
const SIZE_LIMIT: usize = 32 << 20;

/// What mana-auth said.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: String,
    url: String,
}

/// Sends a request and reads the whole answer, whatever its status.
pub(super) async fn ask(asked: &Asked, request: RequestBuilder) -> Result<Answer, ManaError> {
    let (client, request) = request.timeout(TIME_LIMIT).build_split();
    let request =
        request.map_err(|error| ManaError::unreachable(asked, "(no address)", root_cause(&error)))?;
    let url = request.url().to_string();
    let failed = |error: reqwest::Error| {
        if error.is_connect() {
            ManaError::unreachable(asked, &url, root_cause(&error))
        } else {
            ManaError::no_answer(asked, &url, root_cause(&error))
        }
    };
    let mut response = client.execute(request).await.map_err(failed)?;
    let encodings = response.headers().get_all(CONTENT_ENCODING).iter().map(http::HeaderValue::as_bytes);
    if let Some(encoded) = encoding::unasked(encodings) {
        return Err(ManaError::unreadable(asked, &url, encoded));
    }
    let body = read(&mut response).await.map_err(failed)?;
    let Some(body) = body else {
        return Err(ManaError::unreadable(asked, &url, format!("more than {SIZE_LIMIT} bytes")));
    };
    Ok(Answer { status: response.status(), headers: std::mem::take(response.headers_mut()), body, url })
}

/// The body as text, or `None` when it is too long to be one of ours.
async fn read(response: &mut Response) -> Result<Option<String>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > SIZE_LIMIT {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(String::from_utf8_lossy(&body).into_owned()))
}

impl Answer {
    /// The answer if it is a success, and otherwise the error that quotes it.
    pub(super) fn accepted(self, asked: &Asked) -> Result<Self, ManaError> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(ManaError::refused(asked, self.status, &self.body))
        }
    }

    /// The body as it came.
    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// The body, read as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, asked: &Asked) -> Result<T, ManaError> {
        lenient::read(&self.body).map_err(|error| ManaError::unreadable(asked, &self.url, error.to_string()))
    }

    /// An error that says why the body, although JSON, is not what it has to be.
    pub(super) fn unreadable(&self, asked: &Asked, cause: impl Into<String>) -> ManaError {
        ManaError::unreadable(asked, &self.url, cause.into())
    }
}

/// The innermost cause, such as `Connection refused (os error 111)`: the outer ones repeat the address.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("nothing came within {} s", TIME_LIMIT.as_secs());
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
