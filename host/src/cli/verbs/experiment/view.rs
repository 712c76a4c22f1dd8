//! A report in the form that was asked for, on standard output or in a file.

use crate::cli::Failure;
use crate::cli::args::View;
use crate::cli::output::Output;
use crate::experiment::report::Report;

/// Shows a report.
///
/// # Errors
/// When the file cannot be written.
pub fn show(_report: &Report, _view: &View, _output: Output) -> Result<(), Failure> {
    Ok(())
}
