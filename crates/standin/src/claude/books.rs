//! What the scripted Claude has served, so that a test can compare it with what was recorded.

use std::collections::BTreeMap;

use domain::usage::Usage;

/// Everything that was served, and the same by system prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// All requests together.
    pub total: Account,
    /// The requests with each system prompt. Requests that could not be read are only in the total.
    pub by_system: BTreeMap<String, Account>,
}

/// Requests and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Requests that arrived, refused ones included.
    pub requests: u64,
    /// Replies that the real API would charge for; those that broke on the way included.
    pub paid: u64,
    /// Tokens of the paid replies.
    pub usage: Usage,
}

impl Books {
    /// Books a request, paid if there is a usage.
    pub(super) fn enter(&mut self, system: Option<&str>, paid: Option<Usage>) {
        self.total.enter(paid);
        if let Some(system) = system {
            self.by_system.entry(system.to_owned()).or_default().enter(paid);
        }
    }
}

impl Account {
    fn enter(&mut self, paid: Option<Usage>) {
        self.requests += 1;
        if let Some(usage) = paid {
            self.paid += 1;
            self.usage += usage;
        }
    }
}
