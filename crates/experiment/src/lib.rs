//! Assignment, comparison, health checks, report: plain functions over values. Nothing here reads a clock,
//! a file or the ledger, so the same rows give the same verdict to the last byte.

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
