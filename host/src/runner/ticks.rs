//! When the next tick is, and what came of the last one: what a person wants to know first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::error::TickError;
use super::report::{HeldBy, HeldPersona, TickReport};

/// The ticks of this process.
#[derive(Debug, Default)]
pub(super) struct Ticks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By a clock that nobody sets: the other one may be set forward meanwhile, as that of a demo is.
    next: Option<Instant>,
    last: Option<LastTick>,
    /// Whom the last tick kept back for what no ledger knows.
    kept_back: Vec<HeldPersona>,
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
    /// How many of these for a fault of their last turn.
    pub held_by_fault: usize,
    /// How long it took.
    pub took: Duration,
}

impl TickFigures {
    /// Whether everybody who was due failed, or is held because a turn failed before.
    #[must_use]
    pub fn is_nothing_but_faults(&self) -> bool {
        self.due > 0 && self.failed + self.held_by_fault == self.due
    }
}

impl Ticks {
    /// How long until the timer asks who is due; nothing while there is no timer.
    pub(super) fn next_in(&self) -> Option<Duration> {
        Some(self.lock().next?.saturating_duration_since(Instant::now()))
    }

    pub(super) fn last(&self) -> Option<LastTick> {
        self.lock().last.clone()
    }

    pub(super) fn kept_back(&self) -> Vec<HeldPersona> {
        self.lock().kept_back.clone()
    }

    pub(super) fn set_next(&self, wait: Duration) {
        self.lock().next = Some(Instant::now() + wait);
    }

    /// A tick is over. One that was not made, because another looks or the program stops, says nothing.
    pub(super) fn ended(&self, ended_at: DateTime<Utc>, came: &Result<TickReport, TickError>) {
        let outcome = match came {
            Ok(report) => Ok(TickFigures {
                due: report.due,
                completed: report.ran_successfully,
                failed: report.failed.len(),
                held: report.held.len(),
                held_by_fault: report.held.iter().filter(|own| own.cause == HeldBy::Fault).count(),
                took: Duration::from_millis(report.duration_ms),
            }),
            Err(TickError::Stopping | TickError::AlreadyLooking) => return,
            Err(error) => Err(error.to_string()),
        };
        let mut state = self.lock();
        if let Ok(report) = came {
            let is_unwritten = |own: &&HeldPersona| own.cause.is_unwritten();
            state.kept_back = report.held.iter().filter(is_unwritten).cloned().collect();
        }
        state.last = Some(LastTick { ended_at, outcome });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tick_is_as_far_as_the_timer_says_and_a_late_one_is_now() {
        let ticks = Ticks::default();
        assert_eq!(ticks.next_in(), None, "there is no timer");
        ticks.set_next(Duration::from_secs(3600));
        let wait = ticks.next_in().expect("there is one");
        assert!(wait <= Duration::from_secs(3600) && wait > Duration::ZERO, "{wait:?}");
        ticks.set_next(Duration::ZERO);
        assert_eq!(ticks.next_in(), Some(Duration::ZERO));
    }

    #[test]
    fn what_was_no_tick_leaves_the_last_one_as_it_was() {
        let (ticks, at) = (Ticks::default(), DateTime::UNIX_EPOCH);
        let report = TickReport { due: 3, ran_successfully: 2, ..TickReport::default() };
        ticks.ended(at, &Ok(report));
        ticks.ended(at, &Err(TickError::AlreadyLooking));
        let last = ticks.last().expect("one is over").outcome.expect("it went well");
        assert_eq!((last.due, last.completed, last.failed), (3, 2, 0));
    }
}
