//! What traces are set up with, and the reader of events that makes them.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::collector::Collector;
use super::queue::Queue;
use super::spans::span;
use crate::outbound::{Client, Place};
use crate::telemetry::{Metrics, UnderWay};
use domain::event::Event;
use domain::ids::TurnId;
use domain::said::Said;
use domain::step::StepKey;
use domain::trace::{Part, SpanId, TraceId, traceparent};

/// Where traces go, and what is in them.
#[derive(Clone, Debug)]
pub struct TraceOptions {
    /// Where the collector takes them, with the path.
    pub endpoint: String,
    /// What it is sent beside them, such as a key.
    pub headers: Vec<(String, SecretString)>,
    /// What is said of this process; `service.name` is among it.
    pub resource: Vec<(String, String)>,
    /// What part of all turns has a trace, from 0 to 1.
    pub share: f64,
    /// Prompts, replies, arguments and results are in them.
    pub content: bool,
    /// What is taken out of these.
    pub secrets: Vec<SecretString>,
    /// Where Claude is.
    pub claude_url: String,
    /// Where mana-mcp is.
    pub mcp_url: String,
    /// Which version of MCP is spoken.
    pub mcp_version: String,
}

/// Makes spans of events. Clones are the same one.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct Traces {
    setup: Arc<Setup>,
    queue: Queue,
}

/// What spans are made with.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) share: f64,
    pub(super) content: bool,
    pub(super) secrets: Vec<SecretString>,
    pub(super) claude: Place,
    pub(super) mcp: Place,
    pub(super) mcp_version: String,
}

impl Traces {
    /// Begins to send. What is sent goes by `http`, beside everything else.
    pub(in crate::telemetry) fn start(options: TraceOptions, http: Client, metrics: Arc<Metrics>) -> Self {
        let TraceOptions { endpoint, headers, resource, share, content, secrets, .. } = options;
        let setup = Setup {
            share,
            content,
            secrets,
            claude: Place::of(&options.claude_url),
            mcp: Place::of(&options.mcp_url),
            mcp_version: options.mcp_version,
        };
        let collector = Collector::new(http, endpoint, headers, resource);
        Self { setup: Arc::new(setup), queue: Queue::start(collector, metrics) }
    }

    /// Reads an event of this turn.
    pub(in crate::telemetry) fn hear(&self, event: &Event, turn: &UnderWay) {
        if self.has(turn.turn)
            && let Some(span) = span(event, turn, &self.setup)
        {
            self.queue.put(span);
        }
    }

    /// The words of a call, if somebody wants them.
    pub(in crate::telemetry) fn said(&self, said: impl FnOnce() -> Said) -> Option<Arc<Said>> {
        self.setup.content.then(|| Arc::new(said()))
    }

    /// What a neighbour is told who is called in this step.
    pub(in crate::telemetry) fn traceparent(&self, turn: &UnderWay, step: &StepKey) -> String {
        let span = SpanId::of(turn.turn, turn.attempt, Part::Step(step));
        traceparent(TraceId::of(turn.turn), span, self.has(turn.turn))
    }

    /// Waits until all that was made is sent, but not for long.
    pub(in crate::telemetry) async fn flush(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.queue.flush()).await.is_err() {
            let hint = "is the collector slow, or away? What the ledger keeps of the turns has everything";
            tracing::warn!(hint, "the last traces were not sent in time, and are lost");
        }
    }

    /// Whether this turn has a trace.
    fn has(&self, turn: TurnId) -> bool {
        TraceId::of(turn).lot() < self.setup.share
    }
}
