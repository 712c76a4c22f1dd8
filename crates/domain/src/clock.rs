//! The wall clock as a value that is passed in, so that a test or the demo can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// Where a part of the program takes the time of day from. Clones share one clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds between the system's clock and this one; of one that stands, since the epoch.
    shift: Arc<AtomicI64>,
    stands: bool,
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

    /// A clock that shows `now` until somebody moves it.
    #[must_use]
    pub fn standing_at(now: DateTime<Utc>) -> Self {
        Self { shift: Arc::new(AtomicI64::new(now.timestamp_millis())), stands: true }
    }

    /// The time of day, in whole milliseconds: the ledger keeps no more of it, and nobody reads more.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> DateTime<Utc> {
        if self.stands {
            return DateTime::UNIX_EPOCH + TimeDelta::milliseconds(self.shift.load(Ordering::Relaxed));
        }
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

    #[test]
    fn one_that_stands_moves_only_when_it_is_moved() {
        let clock = Clock::standing_at(DateTime::UNIX_EPOCH);
        let clone = clock.clone();
        assert_eq!(clone.now(), DateTime::UNIX_EPOCH);
        clock.advance(TimeDelta::days(3));
        assert_eq!(clone.now(), DateTime::UNIX_EPOCH + TimeDelta::days(3));
    }
}
