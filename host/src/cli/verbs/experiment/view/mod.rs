//! A report in the form that was asked for, on standard output or in a file.

mod text;

use std::io::Write as _;
use std::path::Path;

use crate::cli::args::{Form, View};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::experiment::report::Report;

/// Shows a report.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn show(report: &Report, view: &View, output: Output) -> Result<(), Failure> {
    let shown = || match view.form {
        Form::Text => text::page(report),
    };
    match &view.out {
        None => output.print(report, shown),
        Some(path) => {
            let json = || serde_json::to_string_pretty(report).expect("a report has text for keys") + "\n";
            let page = if output.json { json() } else { anstream::adapter::strip_str(&shown()).to_string() };
            write(path, &page)?;
            output.say(&format!("written to {}", path.display()));
            Ok(())
        }
    }
}

/// Writes a file in one move: whoever reads it never sees half of it.
pub(super) fn write(path: &Path, page: &str) -> Result<(), Failure> {
    let beside = path.with_extension("part");
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(page.as_bytes()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let message = format!("{} cannot be written: {error}", path.display());
        Failure::new(Exit::File, message).hint("name a file in a folder that exists with --out")
    })
}
