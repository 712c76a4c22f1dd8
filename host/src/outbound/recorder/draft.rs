//! An exchange as it went, and the same as it is kept: without secrets.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;

use crate::outbound::error::Broken;
use crate::outbound::mask::Mask;
use crate::outbound::tape::{Answer, Body, Came, Exchange, Question};
use domain::upstream::Upstream;

/// Headers of an answer that a room reads; others may hold anything.
const KEPT: [&str; 13] = [
    "content-type",
    "content-encoding",
    "date",
    "retry-after",
    "retry-after-ms",
    "x-retry-after",
    "x-should-retry",
    "request-id",
    "www-authenticate",
    "set-cookie",
    "mcp-session-id",
    "location",
    "server",
];
/// And those that begin so.
const KEPT_OF_CLAUDE: &str = "anthropic-";
/// The answer that holds a master key, and is read by nobody.
const VAULT: &str = "/encryption-vault/init";

/// An exchange before its secrets are covered.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) seq: u64,
    pub(super) upstream: Upstream,
    pub(super) whose: Option<Arc<str>>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) sent: HeaderMap,
    pub(super) asked: Bytes,
    pub(super) came: Option<Came>,
    pub(super) status: Option<u16>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) chunks: Vec<usize>,
    pub(super) is_whole: bool,
    pub(super) is_too_long: bool,
    pub(super) broke: Option<Broken>,
}

impl Draft {
    /// Its bytes, about.
    pub(super) fn size(&self) -> usize {
        self.asked.len() + self.body.len()
    }

    /// The same with stars for secrets.
    pub(super) fn covered(mut self, mask: &mut Mask) -> Exchange {
        let whose = self.whose.as_deref().map_or_else(|| mask.whose(&self.sent), str::to_owned);
        let asked = (self.upstream, self.method.as_str(), self.path.as_str());
        let (question, mut own) = Question::of(asked, &self.sent, &self.asked, mask);
        // What a tool says is the app's: a field `token` of it is a word like any other.
        let said = if self.upstream == Upstream::ManaAuth { self.body.as_slice() } else { &[] };
        let mut told = mask.secrets_of(&self.headers, said);
        if self.path.ends_with(VAULT) {
            told.extend(mask.all_texts_of(said));
        }
        own.extend(told);
        mask.cover(&mut self.body, &own);
        let is_kept = |name: &str| KEPT.contains(&name) || name.starts_with(KEPT_OF_CLAUDE);
        let kept = self.headers.iter().filter(|(name, _)| is_kept(name.as_str()));
        let headers = kept
            .map(|(name, value)| {
                (name.to_string(), mask.covered(&String::from_utf8_lossy(value.as_bytes()), &own))
            })
            .collect();
        let (body, chunks, is_whole) = (Body::of(self.body), self.chunks, self.is_whole);
        let broke = self.broke.map(|broken| Broken {
            causes: broken.causes.iter().map(|cause| mask.covered(cause, &own)).collect(),
            ..broken
        });
        let answer = self.status.map(|status| Answer { status, headers, body, chunks, is_whole });
        Exchange {
            seq: self.seq,
            upstream: self.upstream,
            question: question.by(whose),
            came: self.came,
            answer,
            broke,
        }
    }
}
