//! `completions`: what a shell has to know to complete what is typed.

use clap_complete::Shell;
use serde_json::json;

use crate::cli::args;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use domain::code::Code;

/// Prints the script of a shell.
///
/// # Errors
/// When it cannot be printed.
pub fn completions(shell: Shell, output: Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), env!("CARGO_PKG_NAME"), &mut script);
    let script = String::from_utf8(script)
        .map_err(|error| Failure::new(Exit::Unexpected, Code::Unexpected, error.to_string()))?;
    output.print(&json!({ "shell": shell.to_string(), "script": script }), || script.clone())
}
