//! `experiment gate`.

use std::path::Path;

use crate::cli::args::Kept;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// See the verb.
///
/// # Errors
/// Not built yet.
pub async fn gate(_args: &Kept, _config: Option<&Path>, _output: Output) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Unexpected, "not built yet"))
}
