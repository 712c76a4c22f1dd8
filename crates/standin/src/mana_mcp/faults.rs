//! What can be made to go wrong in mana-mcp, for those who test its clients.

use std::time::Duration;

/// What goes wrong until it is set otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long every tool takes.
    pub tool_latency: Duration,
    /// A tool that never answers.
    pub silent_tool: Option<String>,
    /// A tool that always fails.
    pub failing_tool: Option<String>,
    /// `initialize` is answered 503.
    pub refuses_initialize: bool,
}
