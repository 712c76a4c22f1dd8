//! A report in the form that was asked for, on standard output or in a file.

mod text;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::args::{Form, View};
use crate::cli::output::{Output, text_width};
use crate::cli::{Exit, Failure};
use crate::private;
use domain::code::Code;
use experiment::page::{html, markdown, page};
use experiment::report::Report;

/// How wide text in a file is: whoever reads it has another terminal.
const FILE_WIDTH: usize = 100;

/// Shows a report.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn show(report: &Report, view: &View, output: Output) -> Result<(), Failure> {
    let Some(file) = &view.out else {
        return output.print(report, || written(report, view.form, text_width()));
    };
    keep(report, view, output)?;
    output.print(&json!({ "written": file }), || format!("written to {}\n", file.display()))
}

/// Writes a report into the file that was named, and says nothing.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn keep(report: &Report, view: &View, output: Output) -> Result<(), Failure> {
    let Some(file) = &view.out else { return Ok(()) };
    let text = if output.json {
        let document = serde_json::to_string_pretty(report);
        document.map_err(|error| Failure::new(Exit::Unexpected, Code::Unexpected, error.to_string()))? + "\n"
    } else {
        let text = written(report, view.form, FILE_WIDTH);
        anstream::adapter::strip_str(&text).to_string()
    };
    write_whole(file, text.as_bytes())
}

fn written(report: &Report, form: Form, width: usize) -> String {
    let page = page(report);
    match form {
        Form::Text => text::text(&page, width),
        Form::Markdown => markdown(&page),
        Form::Html => html(&page),
    }
}

/// Nobody ever finds half of the file: it is written beside its place, and moved there.
pub(super) fn write_whole(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let name = file.file_name().ok_or_else(|| {
        Failure::new(Exit::File, Code::FileUnwritable, format!("{} is no file name", file.display()))
            .hint("name a file with --out")
    })?;
    let mut beside = PathBuf::from(file);
    beside.set_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let part = || {
        let mut part = private::create(&beside)?;
        part.write_all(bytes)?;
        part.sync_all()
    };
    part().and_then(|()| fs::rename(&beside, file)).map_err(|error| {
        // The failure is told; that a part of a file cannot be removed would not help.
        let _ = fs::remove_file(&beside);
        Failure::new(
            Exit::File,
            Code::FileUnwritable,
            format!("{} cannot be written: {error}", file.display()),
        )
        .hint("name a file in a folder that exists and can be written with --out")
    })
}
