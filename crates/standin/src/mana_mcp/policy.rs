//! The policy gate, as far as the eleven tools meet it: none of them is destructive or for admins,
//! so only the rate is left (contract 8.2).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// More calls than this of one tool by one user…
const CALLS: usize = 30;
/// …within this time are too many.
const WINDOW: TimeDelta = TimeDelta::seconds(60);

/// What the gate does (`POLICY_MODE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyMode {
    /// Nothing.
    Off,
    /// It would deny, and says so in the log.
    #[default]
    LogOnly,
    /// It denies.
    Enforce,
}

/// Who called what when.
#[derive(Debug, Default)]
pub(super) struct Policy {
    mode: PolicyMode,
    /// By user and tool, oldest first.
    recent: Mutex<HashMap<(String, String), Calls>>,
}

type Calls = VecDeque<DateTime<Utc>>;

impl Policy {
    pub(super) fn new(mode: PolicyMode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Counts a call; the text is `<reason>: <hint>` if it is denied.
    pub(super) fn denies(&self, user: &str, tool: &str, now: DateTime<Utc>) -> Option<String> {
        if self.mode == PolicyMode::Off || self.calls_in_window(user, tool, now) <= CALLS {
            return None;
        }
        if self.mode == PolicyMode::LogOnly {
            tracing::debug!(tool, "the policy would deny this call");
            return None;
        }
        Some(format!(
            "rate-limit-exceeded: at most {CALLS} calls of a tool in {} s; wait",
            WINDOW.num_seconds()
        ))
    }

    fn calls_in_window(&self, user: &str, tool: &str, now: DateTime<Utc>) -> usize {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = recent.entry((user.to_owned(), tool.to_owned())).or_default();
        while calls.front().is_some_and(|call| *call <= now - WINDOW) {
            calls.pop_front();
        }
        calls.push_back(now);
        calls.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_31st_call_of_a_tool_in_a_minute_is_denied_only_when_enforced() {
        for (mode, expected) in
            [(PolicyMode::Off, false), (PolicyMode::LogOnly, false), (PolicyMode::Enforce, true)]
        {
            let policy = Policy::new(mode);
            let denied = |tool, second| {
                policy.denies("u", tool, DateTime::UNIX_EPOCH + TimeDelta::seconds(second)).is_some()
            };
            assert!((0..30).all(|_| !denied("todo.list", 0)), "{mode:?}");
            assert_eq!(denied("todo.list", 59), expected, "{mode:?}");
            assert!(!denied("todo.create", 59), "another tool has its own count");
            assert!(!denied("todo.list", 60), "the first thirty are a minute old");
        }
    }
}
