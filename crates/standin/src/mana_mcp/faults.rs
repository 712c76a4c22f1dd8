//! What can be made to go wrong in mana-mcp, for those who test its clients.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// What goes wrong until it is set otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long every tool takes.
    pub tool_latency: Duration,
    /// A tool that never answers.
    pub silent_tool: Option<String>,
    /// A tool that always fails.
    pub failing_tool: Option<String>,
    /// What every answer says besides what it was asked for.
    pub whispers: Option<String>,
    /// How far the clock moves on with each call that is carried out.
    pub advance_clock: Option<TimeDelta>,
    /// Every tool says that it only reads. (The real server says nothing of the kind.)
    pub all_read_only: bool,
    /// The end of a session is heard and never answered.
    pub ignores_goodbyes: bool,
    /// `initialize` is answered 503.
    pub refuses_initialize: bool,
    /// Tokens that were issued before then are refused, as if mana-auth had changed its keys.
    pub tokens_since: Option<DateTime<Utc>>,
}
