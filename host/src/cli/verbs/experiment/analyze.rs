//! `experiment analyze`.

use crate::cli::args::Analyze;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// See the verb.
///
/// # Errors
/// Not built yet.
pub fn analyze(_args: &Analyze, _output: Output) -> Result<(), Failure> {
    Err(Failure::new(Exit::Unexpected, "not built yet"))
}
