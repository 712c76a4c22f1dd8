//! The one way out: each event is counted, logged and offered to whoever listens.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::in_flight::{InFlight, UnderWay};
use super::{Metrics, log};
use domain::event::Event;

/// How many events a slow listener may lag behind before it misses some.
const BACKLOG: usize = 4096;

/// Takes events. Clones share listeners and metrics.
#[derive(Clone, Debug)]
pub struct Events {
    metrics: Arc<Metrics>,
    in_flight: Arc<InFlight>,
    listeners: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { metrics: Arc::default(), in_flight: Arc::default(), listeners: broadcast::channel(BACKLOG).0 }
    }
}

impl Events {
    /// Tells everybody. Metrics see each event, a listener may miss some when it is slow.
    pub fn emit(&self, event: Event) {
        self.metrics.count(&event);
        self.in_flight.hear(&event);
        log::write(&event);
        // Nobody listening is no error.
        let _ = self.listeners.send(event);
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
