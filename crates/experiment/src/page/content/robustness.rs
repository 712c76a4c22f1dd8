//! The same question asked in other ways.

use super::pieces::{compared, fact, row, section, table};
use crate::numbers::{NONE, difference, interval, level, or_none};
use crate::page::model::{Block, Section};
use crate::report::{Comparison, Report};

/// The same question asked in other ways.
pub(super) fn robustness(report: &Report, comparison: &Comparison) -> Section {
    let metric = comparison.primary.metric;
    let write = |number| difference(metric, number);
    let rows = comparison.robustness.iter().map(|own| {
        let same = match own.same_sign {
            Some(true) => "✓ the same",
            Some(false) => "✗ another",
            None => NONE,
        };
        let cells = [
            own.name.clone(),
            same.to_owned(),
            or_none(own.effect, write),
            interval(own.low, own.high, write),
        ];
        row(compared(comparison, "robustness").then(&own.name), cells)
    });
    let sure = format!("#{} interval", level(report.plan.alpha));
    let headings = ["Asked", "Sign", "#Effect", &sure];
    let mut blocks = vec![table("The effect, asked in other ways", &headings, rows.collect())];
    if let Some(bounds) = comparison.bounds {
        let range = format!("{} to {}", write(bounds.low), write(bounds.high));
        let meaning = "the effect if every missing rating were the worst, or the best, for the treatment";
        let path = compared(comparison, "bounds");
        blocks.push(Block::Facts(vec![fact(path, "Missing ratings", range, meaning)]));
    }
    let lead = "A result that turns around when it is asked in another reasonable way is no result.";
    section(compared(comparison, "robustness"), "Robustness", lead, blocks)
}
