//! The figures of a colony, as one table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::audit::model_calls_kept;
use super::course::Course;
use super::evidence::Evidence;

/// Lines of a table: what, and how much.
pub(super) struct Figures(Vec<(String, String)>);

impl Figures {
    pub(super) fn of(evidence: &Evidence, course: &Course, kills: &BTreeMap<&str, usize>) -> Self {
        let pages = &evidence.pages;
        let repeats: usize =
            pages.deliveries.values().flat_map(BTreeMap::values).map(|times| times - 1).sum();
        let unknown = evidence.turns.iter().flat_map(|turn| &turn.recorded.actions);
        let unknown = unknown.filter(|action| action.status == domain::action::ActionStatus::Unknown).count();
        let rated = evidence.turns.iter().filter(|turn| !turn.recorded.summary.ratings.is_empty()).count();
        let rows: usize = evidence.actions.values().map(Vec::len).sum();
        let mut starts = pages.until_first_call.clone();
        starts.sort_unstable();
        let mut lines = Vec::new();
        let mut line = |what: &str, much: String| lines.push((what.to_owned(), much));
        line("turns", evidence.turns.len().to_string());
        line("kills", kills.values().sum::<usize>().to_string());
        line("orderly stops", course.stops.to_string());
        line("turns interrupted", evidence.interrupted.len().to_string());
        line("interruptions", evidence.interrupted.values().sum::<usize>().to_string());
        line("most interruptions of one turn", evidence.interrupted.values().max().unwrap_or(&0).to_string());
        line("turns that were rated", rated.to_string());
        line("model calls paid for", evidence.paid.to_string());
        line("model calls paid for again", (evidence.paid - model_calls_kept(evidence)).to_string());
        line("model calls under way at kills", course.model_calls_under_way.to_string());
        line("tool calls that arrived", pages.tool_calls.len().to_string());
        line("tool calls under way at kills", course.tool_calls_under_way.to_string());
        line("tool calls whose outcome is not known", unknown.to_string());
        line("action rows at mana-auth", rows.to_string());
        line("deliveries repeated", repeats.to_string());
        line("holds that passed", course.held.to_string());
        line("turns parked, and resumed", course.parked.to_string());
        line("start to first call, median", milliseconds(&starts, 50));
        line("start to first call, p99", milliseconds(&starts, 99));
        line("took", format!("{} s", course.took.as_secs()));
        for (at, times) in kills {
            line(&format!("killed {at}"), times.to_string());
        }
        Self(lines)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | |\n| --- | ---: |")?;
        self.0.iter().try_for_each(|(what, much)| writeln!(f, "| {what} | {much} |"))
    }
}

/// The value below which so many percent are.
fn milliseconds(sorted: &[Duration], percent: usize) -> String {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or_else(|| "–".to_owned(), |value| format!("{} ms", value.as_millis()))
}
