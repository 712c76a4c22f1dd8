//! The wall clock as a value that is passed in, so that a test or the demo can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// Where a part of the program takes the time of day from. Clones share one clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds between the system's clock and this one.
    shift: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that shows `now` at this moment and runs on from there.
    #[must_use]
    pub fn starting_at(now: DateTime<Utc>) -> Self {
        let clock = Self::default();
        clock.advance(now - clock.now());
        clock
    }

    /// The time of day, in whole milliseconds: the ledger keeps no more of it, and nobody reads more.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> DateTime<Utc> {
        (Utc::now() + TimeDelta::milliseconds(self.shift.load(Ordering::Relaxed))).trunc_subsecs(3)
    }

    /// Moves the clock by `by`, for every clone of it.
    pub fn advance(&self, by: TimeDelta) {
        self.shift.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_instant_has_more_than_milliseconds() {
        let clock = Clock::starting_at("2026-11-29T12:00:00.123456789Z".parse().expect("an instant"));
        assert!((0..100).all(|_| clock.now().timestamp_subsec_nanos().is_multiple_of(1_000_000)));
    }

    #[test]
    fn clones_move_together() {
        let clock = Clock::starting_at(DateTime::UNIX_EPOCH);
        let clone = clock.clone();
        clock.advance(TimeDelta::days(3));
        assert_eq!(clone.now().date_naive().to_string(), "1970-01-04");
    }
}
