//! The one way out: each event is counted, logged and offered to whoever listens.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;

use super::in_flight::{InFlight, UnderWay};
use super::traces::{TraceOptions, Traces};
use super::{Metrics, log};
use crate::outbound::Client;
use domain::event::Event;
use domain::ids::TurnId;
use domain::said::Said;
use domain::step::StepKey;

/// How many events a slow listener may lag behind before it misses some.
const BACKLOG: usize = 4096;

/// Takes events. Clones share listeners and metrics.
#[derive(Clone, Debug)]
pub struct Events {
    metrics: Arc<Metrics>,
    in_flight: Arc<InFlight>,
    listeners: broadcast::Sender<Event>,
    traces: Option<Traces>,
}

impl Default for Events {
    fn default() -> Self {
        let (metrics, in_flight) = (Arc::default(), Arc::default());
        Self { metrics, in_flight, listeners: broadcast::channel(BACKLOG).0, traces: None }
    }
}

impl Events {
    /// The same, which makes traces as well, and sends them by `http`.
    #[must_use]
    pub fn traced(self, options: TraceOptions, http: Client) -> Self {
        let traces = Traces::start(options, http, Arc::clone(&self.metrics));
        Self { traces: Some(traces), ..self }
    }

    /// Tells everybody. Metrics see each event, a listener may miss some when it is slow.
    pub fn emit(&self, event: Event) {
        self.metrics.count(&event);
        let turn = self.in_flight.hear(&event);
        log::write(&event, turn.as_ref());
        if let (Some(traces), Some(turn)) = (&self.traces, &turn) {
            traces.hear(&event, turn);
        }
        // Nobody listening is no error.
        let _ = self.listeners.send(event);
    }

    /// The words of a call, if somebody wants them in traces.
    pub fn said(&self, said: impl FnOnce() -> Said) -> Option<Arc<Said>> {
        self.traces.as_ref()?.said(said)
    }

    /// What a neighbour is told who is called in this step of a turn that runs; nothing, where there are no traces.
    #[must_use]
    pub fn traceparent(&self, turn: TurnId, step: &StepKey) -> Option<String> {
        Some(self.traces.as_ref()?.traceparent(&self.in_flight.turn(turn)?, step))
    }

    /// Waits until what is on its way to others has arrived there, but not for long.
    pub async fn flush(&self, patience: Duration) {
        if let Some(traces) = &self.traces {
            traces.flush(patience).await;
        }
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.listeners.subscribe()
    }

    /// The turns under way, the oldest first.
    #[must_use]
    pub fn in_flight(&self) -> Vec<UnderWay> {
        self.in_flight.turns()
    }

    /// What was counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
