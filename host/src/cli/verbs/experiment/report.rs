//! `experiment report`: what an experiment shows.

use std::path::Path;

use super::{kept, view};
use crate::cli::Failure;
use crate::cli::args::ReportOf;
use crate::cli::output::Output;

/// Shows the report of an experiment in a ledger.
///
/// # Errors
/// When there is no such experiment, or nothing to compare yet.
pub async fn report(args: &ReportOf, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    let report = kept::record(&args.of, config).await?.report(args.of.phase)?;
    view::show(&report, &args.view, output)
}
