//! `experiment export`.

use std::path::Path;

use crate::cli::args::Export;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// See the verb.
///
/// # Errors
/// Not built yet.
pub async fn export(_args: &Export, _config: Option<&Path>, _output: Output) -> Result<(), Failure> {
    Err(Failure::new(Exit::Unexpected, "not built yet"))
}
