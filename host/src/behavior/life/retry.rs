//! When something that failed is tried again.

use chrono::{DateTime, Utc};

use domain::fault::hold_after;

/// When something that failed is tried again: later each time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::behavior) struct Retry {
    tries: u32,
    at: Option<DateTime<Utc>>,
}

impl Retry {
    /// Whether the time for another try has come.
    pub(in crate::behavior) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// Whether another try is to come, and not yet.
    pub(super) fn is_waited_for(&self, now: DateTime<Utc>) -> bool {
        self.at.is_some_and(|at| at > now)
    }

    /// One more try has failed.
    pub(in crate::behavior) fn after_failure(&mut self, now: DateTime<Utc>) {
        self.tries += 1;
        self.at = Some(now + hold_after(self.tries));
    }
}
