//! An answer of the server as it comes over HTTP: its status, and the messages in it, of one JSON document or of a
//! stream of events. It knows nothing of what they mean.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use rmcp::transport::streamable_http_client::StreamableHttpError;

use crate::outbound::{Response, SendError};
use crate::sse::{Decoder, Event};
use domain::encoding;

/// The largest answer, and the largest event of a stream, in bytes; the model is given far less of it.
const LARGEST: usize = 8 << 20;
/// The most that is read of a refusal's body, in bytes.
const LARGEST_REFUSAL: usize = 64 << 10;
/// How long a stream whose answer has come may take to end, so that its connection can serve again.
const DRAIN: Duration = Duration::from_millis(50);

pub(super) type Failed = StreamableHttpError<SendError>;

/// The messages of an answer that is none but those.
pub(super) struct Incoming {
    response: Response,
    /// Of a stream of events, how far it is read.
    stream: Option<(Decoder, VecDeque<Event>)>,
    is_over: bool,
}

impl Incoming {
    /// The messages of a successful answer.
    ///
    /// # Errors
    /// When it came in an encoding that nobody asked for.
    pub(super) fn of(response: Response) -> Result<Self, Failed> {
        let encodings = response.headers().get_all(CONTENT_ENCODING).iter().map(http::HeaderValue::as_bytes);
        if let Some(what) = encoding::unasked(encodings) {
            return Err(unexpected(what));
        }
        let is_stream = content_type(&response).starts_with("text/event-stream");
        let stream = is_stream.then(|| (Decoder::new(LARGEST), VecDeque::new()));
        Ok(Self { response, stream, is_over: false })
    }

    /// Whether messages come one by one, so that one that makes no sense may be followed by others.
    pub(super) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// What kind of content it calls itself.
    pub(super) fn kind(&self) -> String {
        content_type(&self.response)
    }

    /// The next message; nothing, when there is none any more. Bytes that are no UTF-8 are replaced.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Failed> {
        let Some((decoder, events)) = &mut self.stream else {
            if std::mem::replace(&mut self.is_over, true) {
                return Ok(None);
            }
            let body = bounded(&mut self.response, LARGEST).await?;
            return Ok(Some(String::from_utf8_lossy(&body).trim_start_matches('\u{FEFF}').to_owned()));
        };
        loop {
            while let Some(event) = events.pop_front() {
                // Others, such as `endpoint` and `ping`, belong to the stream itself.
                if matches!(event.name.as_str(), "" | "message") && !event.data.is_empty() {
                    return Ok(Some(event.data));
                }
            }
            let Some(chunk) = self.response.chunk().await.map_err(Failed::Client)? else { return Ok(None) };
            let mut fresh = Vec::new();
            let decoded = decoder.feed(&chunk, &mut fresh);
            events.extend(fresh);
            if events.is_empty() {
                decoded.map_err(|too_long| unexpected(too_long.to_string()))?;
            }
        }
    }

    /// Reads on to the end, for a moment, while nobody waits.
    pub(super) fn drain(mut self) {
        if self.is_stream() {
            tokio::spawn(tokio::time::timeout(DRAIN, async move {
                while matches!(self.response.chunk().await, Ok(Some(_))) {}
            }));
        }
    }
}

/// An answer that is no success.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Its body, or what stands for it.
    pub(super) said: String,
    /// How long the server asks to wait.
    pub(super) wait: Option<Duration>,
}

impl Refusal {
    /// The words by which it is known later: `HTTP 401 Unauthorized: <body>`.
    pub(super) fn words(&self) -> String {
        format!("HTTP {}: {}", self.status, self.said)
    }
}

/// Reads a refusal.
pub(super) async fn refusal(mut response: Response) -> Refusal {
    let status = response.status();
    let wait = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
    let encodings = response.headers().get_all(CONTENT_ENCODING).iter().map(http::HeaderValue::as_bytes);
    let encoded = encoding::unasked(encodings);
    let challenge = response
        .headers()
        .get(WWW_AUTHENTICATE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let said = match encoded {
        Some(encoded) => encoded,
        None => {
            let body = bounded(&mut response, LARGEST_REFUSAL).await.unwrap_or_default();
            String::from_utf8_lossy(&body).into_owned()
        }
    };
    let said = challenge.filter(|_| said.trim().is_empty()).unwrap_or(said);
    Refusal { status, said, wait: wait.map(Duration::from_secs) }
}

pub(super) fn unexpected(what: impl Into<Cow<'static, str>>) -> Failed {
    StreamableHttpError::UnexpectedServerResponse(what.into())
}

fn content_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.unwrap_or_default().trim().to_ascii_lowercase()
}

async fn bounded(response: &mut Response, most: usize) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Failed::Client)? {
        if body.len() + chunk.len() > most {
            return Err(StreamableHttpError::ResponseBodyTooLarge { max_size: most });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
