//! Standard output: one document, for people or for programs. Everything else goes to standard error.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use comfy_table::{Attribute, Cell, ContentArrangement, Table, TableStyle};
use serde::Serialize;

use super::{Exit, Failure};

/// Good news.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Bad news.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What needs a second look.
pub const ODD: Style = AnsiColor::Yellow.on_default();
/// What can be typed, and where things are.
pub const PLACE: Style = AnsiColor::Cyan.on_default();
/// Headings.
pub const HEAD: Style = Style::new().bold();
/// What may be skipped.
pub const FAINT: Style = Style::new().dimmed();

/// How a command answers.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// For programs.
    pub json: bool,
}

impl Output {
    /// Prints the answer: as one JSON document, or as text.
    ///
    /// # Errors
    /// When standard output is closed for another reason than that nobody reads any more.
    pub fn print(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json {
            let document = serde_json::to_string_pretty(document);
            document.map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))? + "\n"
        } else {
            text()
        };
        match anstream::stdout().lock().write_all(text.as_bytes()) {
            // Whoever piped us into `head` has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    /// Says something beside the answer, to people only.
    pub fn say(self, line: &str) {
        if !self.json {
            // Progress that cannot be shown is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }

    /// Prints a failure to standard error.
    pub fn fail(self, failure: Failure) -> Exit {
        let exit = failure.exit();
        let text = if self.json {
            failure.json().to_string()
        } else {
            format!("{:?}", miette::Report::new(failure))
        };
        let _ = writeln!(anstream::stderr(), "{}", text.trim_end());
        exit
    }
}

/// `text` in a style, for places that keep it.
#[must_use]
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A table without lines, fitted to the terminal.
#[must_use]
pub fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    table
}
