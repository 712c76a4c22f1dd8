//! `experiment run`: blocks of an experiment, back to back.

use std::path::Path;

use crate::cli::args::RunExperiment;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// Runs an experiment now.
///
/// # Errors
/// When it cannot be begun.
pub async fn run(args: &RunExperiment, _config: Option<&Path>, _output: Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Unexpected, format!("running {} is not built yet", args.file.display())))
}
