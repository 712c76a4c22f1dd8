//! How often each tool was called and how it went, for `/metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// Counts of calls by tool and outcome.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    calls: Mutex<BTreeMap<(String, &'static str), u64>>,
}

impl Metrics {
    pub(super) fn called(&self, tool: &str, failed: bool) {
        let outcome = if failed { "error" } else { "ok" };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry((tool.to_owned(), outcome)).or_default() += 1;
    }

    /// Prometheus' text format.
    pub(super) fn text(&self, open_sessions: usize) -> String {
        let mut text = String::from("# A stand-in for mana-mcp, from persona-host.\n");
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str("# TYPE mana_mcp_tool_invocations_total counter\n");
        for ((tool, outcome), count) in calls.iter() {
            let labels = format!("tool=\"{tool}\",outcome=\"{outcome}\"");
            writeln!(text, "mana_mcp_tool_invocations_total{{{labels}}} {count}")
                .expect("a string takes text");
        }
        text.push_str("# TYPE mana_mcp_open_sessions gauge\n");
        writeln!(text, "mana_mcp_open_sessions {open_sessions}").expect("a string takes text");
        text
    }
}
