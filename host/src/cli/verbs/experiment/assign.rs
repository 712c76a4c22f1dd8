//! `experiment assign`.

use crate::cli::args::Assign;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// See the verb.
///
/// # Errors
/// Not built yet.
pub fn assign(_args: &Assign, _output: Output) -> Result<(), Failure> {
    Err(Failure::new(Exit::Unexpected, "not built yet"))
}
