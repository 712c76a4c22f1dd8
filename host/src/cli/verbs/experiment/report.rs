//! `experiment report`: what the ledger's rows of an experiment show.

use std::path::Path;

use super::{kept, view};
use crate::cli::Failure;
use crate::cli::args::ReportOf;
use crate::cli::output::Output;

/// Shows the report of an experiment.
///
/// # Errors
/// When there is no ledger, or no such experiment or phase in it; when the file cannot be written.
pub async fn report(args: &ReportOf, config: Option<&Path>, output: Output) -> Result<(), Failure> {
    let report = kept::analyzed(&args.of, config).await?;
    view::show(&report, &args.view, output)?;
    let ledger = args.of.ledger.as_ref().map(|path| path.display().to_string());
    let of = ledger.iter().flat_map(|path| ["--ledger", path.as_str()]);
    output.next(&["experiment", "gate", &report.plan.key].into_iter().chain(of).collect::<Vec<_>>());
    Ok(())
}
