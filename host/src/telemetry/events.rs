//! The one way out: each event is counted, logged and offered to whoever listens.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::{Metrics, log};
use domain::event::Event;

/// How many events a slow listener may lag behind before it misses some.
const BACKLOG: usize = 4096;

/// Takes events. Clones share listeners and metrics.
#[derive(Clone, Debug)]
pub struct Events {
    metrics: Arc<Metrics>,
    listeners: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { metrics: Arc::default(), listeners: broadcast::channel(BACKLOG).0 }
    }
}

impl Events {
    /// Tells everybody. Metrics see each event, a listener may miss some when it is slow.
    pub fn emit(&self, event: Event) {
        self.metrics.count(&event);
        log::write(&event);
        // Nobody listening is no error.
        let _ = self.listeners.send(event);
    }

    /// Listens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Event> {
        self.listeners.subscribe()
    }

    /// What was counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
