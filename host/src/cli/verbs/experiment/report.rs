//! `experiment report`.

use std::path::Path;

use crate::cli::args::ReportOf;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// See the verb.
///
/// # Errors
/// Not built yet.
pub async fn report(_args: &ReportOf, _config: Option<&Path>, _output: Output) -> Result<(), Failure> {
    Err(Failure::new(Exit::Unexpected, "not built yet"))
}
