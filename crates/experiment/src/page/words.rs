//! What things are called on the page.

use crate::report::{Outcome, Progress, Scope, Status, Verdict};
use domain::experiment::{Design, Metric, Stopping};

/// What a verdict says about new personas: by another rule, and once, at the planned end.
pub(super) fn for_new_ones(verdict: &Verdict, progress: &Progress) -> String {
    if !progress.over {
        return "about new personas nothing is said before all planned rounds are over".to_owned();
    }
    if let (Outcome::Inconclusive, Some(because)) = (verdict.population, &verdict.population_because) {
        return format!("nothing can be said about new personas: {because}");
    }
    let said = match (verdict.population, verdict.population == verdict.outcome) {
        (Outcome::Better, true) => "better for new personas, too",
        (Outcome::Worse, true) => "worse for new personas, too",
        (Outcome::Equivalent, true) => "equivalent for new personas, too",
        (Outcome::Better, false) => "for new personas, looked at once at the planned end: better",
        (Outcome::Worse, false) => "for new personas, looked at once at the planned end: worse",
        (Outcome::Equivalent, false) => "for new personas, looked at once at the planned end: equivalent",
        (Outcome::Inconclusive, _) => "nothing can be said about new personas",
    };
    said.to_owned()
}

/// Whom a verdict speaks about.
pub(super) fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Catalogue => "these personas",
        Scope::Population => "new personas like these",
    }
}

/// The mean over rounds is that of a verdict that may be spoken at any time; everything else is over personas. Where
/// rows are missing the two differ, so each has its own name.
pub(super) const OVER_ROUNDS: &str = "Effect over rounds";
/// See [`OVER_ROUNDS`].
pub(super) const OVER_PERSONAS: &str = "Effect over personas";

/// Who sees what.
pub(super) fn design(design: Design) -> &'static str {
    match design {
        Design::Crossover => "crossover: each persona plays every arm in every block",
        Design::Split => "split: each persona plays one arm for the whole time",
    }
}

/// When a verdict may be spoken.
pub(super) fn stopping(stopping: Stopping) -> &'static str {
    match stopping {
        Stopping::Sequential => "at any time: its interval is made for looking after every round",
        Stopping::Fixed => "once, when the planned blocks are done",
    }
}

/// What a check found.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "✓\u{a0}ok",
        Status::Warning => "⚠\u{a0}warning",
        Status::Unhealthy => "✗\u{a0}unhealthy",
    }
}

/// A metric for people.
pub(super) fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::Rating => "rating (1 to 5)",
        Metric::ToolSuccess => "tool calls without an error",
        Metric::Actions => "tool calls of a turn",
        Metric::Rounds => "model replies of a turn",
        Metric::ParseFailures => "turns with an unreadable rating",
        Metric::Refusals => "turns that the model refused",
        Metric::Faults => "turns that ended in a fault",
        Metric::Tokens => "tokens of a turn",
        Metric::Cost => "US dollars of a turn",
        Metric::Latency => "seconds of a turn",
    }
}

/// The unit of a metric's differences.
pub(super) fn unit(metric: Metric) -> &'static str {
    match metric {
        Metric::Rating => "rating points",
        Metric::ToolSuccess | Metric::ParseFailures | Metric::Refusals | Metric::Faults => "of all",
        Metric::Actions => "tool calls",
        Metric::Rounds => "model replies",
        Metric::Tokens => "tokens",
        Metric::Cost => "US dollars",
        Metric::Latency => "seconds",
    }
}

/// Which way is the good one.
pub(super) fn direction(metric: Metric) -> &'static str {
    if metric.more_is_better() { "more is better" } else { "less is better" }
}
