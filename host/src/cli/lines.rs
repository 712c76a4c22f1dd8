//! Standard output of commands that print as things happen: a line for people, or one JSON object a line.

use std::io::{self, Write as _};

use serde::Serialize;

use super::output::Output;
use super::{Exit, Failure};
use domain::letter::{for_a_terminal, in_json};

/// Prints a line at once; false when nobody reads any more.
///
/// # Errors
/// When standard output is closed for another reason than that.
pub(super) fn print_line(output: Output, document: &impl Serialize, line: &str) -> Result<bool, Failure> {
    let text = if output.json {
        let document = serde_json::to_string(document);
        in_json(&document.map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?)
    } else {
        for_a_terminal(line)
    };
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all((text + "\n").as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        result => Ok(result.map(|()| true)?),
    }
}
