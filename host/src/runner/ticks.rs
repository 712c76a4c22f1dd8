//! When the next tick is, and what came of the last one: what a person wants to know first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::error::TickError;
use super::report::TickReport;

/// The ticks of this process.
#[derive(Debug, Default)]
pub(super) struct Ticks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: Option<DateTime<Utc>>,
    last: Option<LastTick>,
}

/// What came of the last tick that is over.
#[derive(Clone, Debug)]
pub struct LastTick {
    /// When it was over.
    pub ended_at: DateTime<Utc>,
    /// What it did, or why it did not.
    pub outcome: Result<TickFigures, String>,
}

/// What a tick did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickFigures {
    /// How many were due.
    pub due: usize,
    /// How many turns came to their end.
    pub completed: usize,
    /// How many ended in a fault.
    pub failed: usize,
    /// How many were kept back.
    pub held: usize,
    /// How long it took.
    pub took: Duration,
}

impl Ticks {
    /// When the timer asks who is due; nothing while there is no timer.
    pub(super) fn next(&self) -> Option<DateTime<Utc>> {
        self.lock().next
    }

    pub(super) fn last(&self) -> Option<LastTick> {
        self.lock().last.clone()
    }

    pub(super) fn set_next(&self, at: DateTime<Utc>) {
        self.lock().next = Some(at);
    }

    /// A tick is over. One that was not made, because another looks or the program stops, says nothing.
    pub(super) fn ended(&self, ended_at: DateTime<Utc>, came: &Result<TickReport, TickError>) {
        let outcome = match came {
            Ok(report) => Ok(TickFigures {
                due: report.due,
                completed: report.ran_successfully,
                failed: report.failed.len(),
                held: report.held.len(),
                took: Duration::from_millis(report.duration_ms),
            }),
            Err(TickError::Stopping | TickError::AlreadyLooking) => return,
            Err(error) => Err(error.to_string()),
        };
        self.lock().last = Some(LastTick { ended_at, outcome });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
