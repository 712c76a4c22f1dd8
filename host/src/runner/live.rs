//! What of the options can be another while the loop runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// What they are now, and the loop's signs of life.
#[derive(Debug)]
pub(super) struct Live {
    now: Mutex<Now>,
    /// Told when the timer is to go otherwise.
    pub(super) timer: Notify,
    /// Told each time that the loop goes round.
    pub(super) beats: watch::Sender<()>,
}

/// What they are.
#[derive(Debug)]
pub(super) struct Now {
    /// From one tick to the next.
    pub(super) tick_interval: Duration,
    /// Turns at once.
    pub(super) concurrency: usize,
    /// How long the steps of a turn that is over are kept.
    pub(super) keep: Duration,
}

impl Live {
    pub(super) fn of(now: Now) -> Self {
        Self { now: Mutex::new(now), timer: Notify::new(), beats: watch::Sender::new(()) }
    }

    pub(super) fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
