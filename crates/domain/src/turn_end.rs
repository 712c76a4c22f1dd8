//! How an attempt at a turn ended, and for how long its persona is held then.

use std::fmt;

use chrono::{DateTime, Utc};

use super::fault::{Fault, hold_after};
use super::state::State;

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// Actions and ratings are kept.
    Completed,
    /// It used no tool, so there was nothing to rate.
    Idle,
    /// The turn should not take place: its plugin said so, or is quarantined.
    Skipped {
        /// Why.
        reason: String,
        /// Until when nothing can be tried. Then it was no attempt, and does not count as one.
        until: Option<DateTime<Utc>>,
    },
    /// A stage did not give what the next one needs: it failed, or the attempt was stopped in it.
    Faulted(Fault),
}

impl From<Fault> for TurnEnd {
    fn from(fault: Fault) -> Self {
        Self::Faulted(fault)
    }
}

impl TurnEnd {
    /// Whether the attempt that ended so counts for how long the turn is held.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Self::Faulted(fault) => fault.counts(),
            Self::Skipped { until, .. } => until.is_none(),
            Self::Completed | Self::Idle => true,
        }
    }

    /// Until when the persona is held whose `attempt`-th attempt (from 1) ended so at `now`, before its first
    /// action: as long as the back-off says, and as the fault or a quarantine is known to last.
    #[must_use]
    pub fn held_until(&self, now: DateTime<Utc>, attempt: u32) -> DateTime<Utc> {
        let until = now + hold_after(attempt);
        match self {
            Self::Faulted(fault) => fault.not_before.map_or(until, |at| at.max(until)),
            // The turn that tries a plugin in quarantine may take longer than the quarantine.
            Self::Skipped { until: Some(end), .. } => until.max(*end),
            _ => until,
        }
    }

    /// The fault, if something failed: a stop is none.
    #[must_use]
    pub fn failure(&self) -> Option<&Fault> {
        match self {
            Self::Faulted(fault) if !fault.is_a_stop() => Some(fault),
            _ => None,
        }
    }

    /// The word in records and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Completed => State::Completed,
            Self::Idle => State::Idle,
            Self::Skipped { .. } => State::Skipped,
            Self::Faulted(fault) if fault.is_a_stop() => State::Stopped,
            Self::Faulted(_) => State::Faulted,
        }
        .name()
    }
}

impl fmt::Display for TurnEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped { reason, .. } => f.pad(reason),
            Self::Faulted(fault) => fault.fmt(f),
            Self::Completed | Self::Idle => f.pad(self.name()),
        }
    }
}
