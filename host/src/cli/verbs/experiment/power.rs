//! `experiment power`.

use crate::cli::args::Power;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};

/// See the verb.
///
/// # Errors
/// Not built yet.
pub fn power(_args: &Power, _output: Output) -> Result<(), Failure> {
    Err(Failure::new(Exit::Unexpected, "not built yet"))
}
