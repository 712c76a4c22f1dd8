//! The reader of events that makes traces of them.

use std::sync::Arc;
use std::time::Duration;

use super::collector::Collector;
use super::queue::Queue;
use super::setup::{Setup, TraceOptions};
use super::spans::span;
use crate::outbound::{Client, Place};
use crate::telemetry::{Metrics, UnderWay};
use domain::event::Event;
use domain::ids::TurnId;
use domain::said::Said;
use domain::step::StepKey;
use domain::trace::{Part, SpanId, TraceId, traceparent};

/// Makes spans of events. Clones are the same one.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct Traces {
    setup: Arc<Setup>,
    queue: Queue,
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

    /// Waits until all that was made is sent, but not for long. What is not sent by then is lost, and nothing more is sent.
    pub(in crate::telemetry) async fn flush(&self, patience: Duration) {
        if tokio::time::timeout(patience, self.queue.flush()).await.is_err() {
            let spans = self.queue.give_up();
            let hint = "is the collector slow, or away? What the ledger keeps of the turns has everything";
            tracing::warn!(spans, hint, "the last traces were not sent in time, and are lost");
        }
    }

    /// Whether this turn has a trace.
    fn has(&self, turn: TurnId) -> bool {
        TraceId::of(turn).lot() < self.setup.share
    }
}
