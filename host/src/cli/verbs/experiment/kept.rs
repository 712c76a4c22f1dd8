//! A report of what the ledger holds of an experiment.

use std::path::Path;

use crate::cli::args::Kept;
use crate::cli::{Exit, Failure};
use crate::experiment::report::Report;

/// The report of one phase of an experiment in the ledger.
///
/// # Errors
/// When there is no ledger, or no such experiment or phase in it.
pub async fn analyzed(_kept: &Kept, _config: Option<&Path>) -> Result<Report, Failure> {
    Err(Failure::new(Exit::Unexpected, "not built yet"))
}
