//! Assignment, comparison, health checks, report: plain functions over values. Nothing here reads a clock,
//! a file or the ledger, so the same rows give the same verdict to the last byte.
//!
//! Where to begin:
//!
//! - [`assignment::next`] gives a persona's next turn its arm, and [`assignment::audit`] computes every one again.
//! - [`analysis::analyze`] turns observations into a [`report::Report`], or says in one sentence why it cannot. It goes
//!   `analysis/sheet.rs` (laid out by persona, block and arm) → `effect.rs` (one metric, with its uncertainty) →
//!   `interval.rs` and `verdict.rs` (what follows) → `wording.rs` (in words); `health.rs` asks whether to believe it.
//! - [`report`] is the schema of `--json`, and the one thing that every view is drawn from.
//! - [`page::page`] puts a report into sections, [`page::html`] and [`page::markdown`] set them. A page computes nothing.
//! - [`statistics`] are methods on bare numbers, checked against published figures; they know no experiments.
//! - [`rows`] reads and writes observations as text, for ratings from anywhere.
//!
//! `tests/it/` holds lives with a known truth by the hundred: what a change does to false alarms shows there.

pub mod analysis;
pub mod assignment;
pub mod numbers;
pub mod page;
pub mod report;
pub mod rows;
pub mod statistics;

/// For tests: two numbers are alike.
#[cfg(test)]
#[track_caller]
pub(crate) fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} ± {tolerance}");
}

/// For tests: two lists of numbers are alike.
#[cfg(test)]
#[track_caller]
pub(crate) fn all_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).for_each(|(found, expected)| near(*found, *expected, tolerance));
}
