//! Reads the stream of one reply, as long as it goes on. It knows nothing of what was asked.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, HeaderValue};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::refusal::Refusal;
use super::stream::{Assembled, Assembly, Broken};
use crate::outbound::{Response, SendError};
use crate::sse::Decoder;
use domain::encoding;

/// The most bytes of one event, and of one reply.
const MAX_EVENT_BYTES: usize = 4 << 20;
const MAX_REPLY_BYTES: usize = 32 << 20;

/// Whose reply is read, and how patiently.
pub(super) struct Reading<'a> {
    /// The URL of the request.
    pub(super) url: &'a str,
    /// The API's id of the request.
    pub(super) request_id: &'a Option<String>,
    /// How long there may be no content. Whatever else arrives shows only that the other side lives.
    pub(super) patience: Duration,
}

impl Reading<'_> {
    /// Reads up to the event that ends the reply; says when its content has begun.
    pub(super) async fn of(
        &self,
        mut response: Response,
        content_begins: &mut (dyn FnMut() + Send),
    ) -> Result<Assembled, Failure> {
        let encodings = response.headers().get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
        if let Some(what) = encoding::unasked(encodings) {
            return Err(self.unreadable(what));
        }
        let mut decoder = Decoder::new(MAX_EVENT_BYTES);
        let mut assembly = Assembly::default();
        let mut events = Vec::new();
        let mut received = 0;
        let mut wait = Wait::from(Instant::now(), self.patience);
        while !assembly.is_whole() {
            let chunk = match timeout_at(wait.latest, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(incomplete(causes(&error), self.request_id)),
                Err(_) => return Err(self.too_late(&wait)),
            };
            received += chunk.len();
            if received > MAX_REPLY_BYTES {
                return Err(self.unreadable(format!("it is longer than {MAX_REPLY_BYTES} bytes")));
            }
            let decoded = decoder.feed(&chunk, &mut events);
            for event in events.drain(..) {
                assembly.take(&event).map_err(|broken| self.failure(broken))?;
            }
            if assembly.has_content() {
                content_begins();
            }
            if !assembly.is_whole() {
                decoded.map_err(|too_long| self.unreadable(too_long.to_string()))?;
            }
            wait.after(assembly.pieces(), Instant::now());
        }
        assembly.finish().map_err(|broken| self.failure(broken))
    }

    fn too_late(&self, wait: &Wait) -> Failure {
        let (url, after) = (self.url.to_owned(), self.patience);
        match wait.hears_signs_of_life {
            true => Failure::NoContent { url, after, request_id: self.request_id.clone() },
            false => Failure::Silent { url, after },
        }
    }

    fn unreadable(&self, what: String) -> Failure {
        Failure::Unreadable { url: self.url.to_owned(), what, request_id: self.request_id.clone() }
    }

    fn failure(&self, broken: Broken) -> Failure {
        match broken {
            Broken::Told { kind, error_code, message } => Failure::BrokeOff(Refusal {
                kind,
                error_code,
                message,
                request_id: self.request_id.clone(),
                ..Refusal::default()
            }),
            Broken::Ended | Broken::Malformed(_) => incomplete(broken.to_string(), self.request_id),
        }
    }
}

/// How long content is waited for.
#[derive(Debug)]
struct Wait {
    patience: Duration,
    /// Until when there has to be some.
    latest: Instant,
    /// How much there has been.
    pieces: u64,
    /// Since then something else came.
    hears_signs_of_life: bool,
}

impl Wait {
    fn from(now: Instant, patience: Duration) -> Self {
        Self { patience, latest: now + patience, pieces: 0, hears_signs_of_life: false }
    }

    /// Something came, and with it there are so many pieces of content.
    fn after(&mut self, pieces: u64, now: Instant) {
        self.hears_signs_of_life = pieces == self.pieces;
        if !self.hears_signs_of_life {
            (self.pieces, self.latest) = (pieces, now + self.patience);
        }
    }
}

pub(super) fn incomplete(what: String, request_id: &Option<String>) -> Failure {
    Failure::Incomplete { what, request_id: request_id.clone() }
}

/// An error with its causes. Without the URL, which the message names already.
pub(super) fn causes(error: &SendError) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    if texts.is_empty() { error.to_string() } else { texts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &str = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    const START: &str = "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n";
    const BLOCK: &str = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    const PIECE: &str = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n";
    const EMPTY: &str = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}\n\n";
    const FUTURE: &str = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"dream_delta\",\"more\":1}}\n\n";
    const PATIENCE: u64 = 60;

    /// What comes after so many seconds each, and the last of it again and again: when it has been too long, and
    /// whether there were signs of life.
    fn check(said: &[(u64, &str)], too_late: u64, signs_of_life: bool) {
        let began = Instant::now();
        let (mut decoder, mut assembly) = (Decoder::new(MAX_EVENT_BYTES), Assembly::default());
        let mut wait = Wait::from(began, Duration::from_secs(PATIENCE));
        let mut now = began;
        for (pause, text) in said.iter().chain(std::iter::repeat_n(said.last(), 100).flatten()) {
            now += Duration::from_secs(*pause);
            if now > wait.latest {
                break;
            }
            let mut events = Vec::new();
            decoder.feed(text.as_bytes(), &mut events).expect("it is short");
            events.iter().for_each(|event| assembly.take(event).expect("it is a good stream"));
            wait.after(assembly.pieces(), now);
        }
        let ended = ((wait.latest - began).as_secs(), wait.hears_signs_of_life);
        assert_eq!(ended, (too_late, signs_of_life), "{said:?}");
    }

    #[test]
    fn only_content_keeps_a_reply_alive() {
        check(&[], 60, false);
        check(&[(10, PING)], 60, true);
        check(&[(10, ": still here\n\n")], 60, true);
        check(&[(10, "event: weather\ndata: {}\n\n")], 60, true);
        check(&[(10, "data: half of an event ")], 60, true);
        check(&[(1, START), (1, BLOCK), (10, EMPTY)], 62, true);
        check(&[(50, START), (50, BLOCK), (50, PIECE), (10, PING)], 210, true);
        check(&[(50, START), (100, PING)], 110, false);
        check(
            &[(50, PING), (9, START), (50, BLOCK), (9, PIECE), (50, PING), (9, FUTURE), (70, PING)],
            237,
            false,
        );
    }
}
