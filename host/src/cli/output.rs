//! Standard output: one document, for people or for programs. Everything else goes to standard error.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, TableStyle, Width,
};
use serde::Serialize;

use super::{Exit, Failure};
use domain::letter::{for_a_terminal, in_json};

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

/// How wide running text gets, in characters.
const WIDEST: usize = 100;
/// How narrow; below that a terminal has to break lines itself.
const NARROWEST: usize = 40;

/// What a flowing column has room for at least, so that tools' names stay in one piece.
const LONGEST_WORD: Width = Width::Fixed(18);

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
            in_json(&document.map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?) + "\n"
        } else {
            for_a_terminal(&text())
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
            let _ = writeln!(anstream::stderr(), "{}", for_a_terminal(line));
        }
    }

    /// Prints a failure to standard error.
    pub fn fail(self, failure: Failure) -> Exit {
        let exit = failure.exit();
        let text = if self.json {
            in_json(&failure.json().to_string())
        } else {
            for_a_terminal(&failure.into_text())
        };
        let _ = writeln!(anstream::stderr(), "{}", text.trim_end());
        exit
    }
}

/// Ends a command line that asked for help, or cannot be read. Nothing has been done.
#[must_use]
pub fn not_begun(stopped: &clap::Error) -> Exit {
    // The arguments could not be read, so these have to be looked for.
    let typed: Vec<_> = std::env::args_os().skip(1).collect();
    let json = typed.iter().any(|argument| argument == "--json");
    let of_experiment = typed.iter().skip_while(|argument| *argument != "experiment").nth(1);
    let is_gate = match of_experiment.and_then(|verb| verb.to_str()) {
        Some("gate") => true,
        Some("analyze") => typed.iter().any(|argument| argument == "--gate"),
        _ => false,
    };
    let exit = if is_gate { Exit::Usage.beside_verdicts() } else { Exit::Usage };
    if stopped.use_stderr() && json {
        let said = stopped.render().to_string();
        let mut paragraphs = said.trim().splitn(2, "\n\n");
        let sentence = paragraphs.next().unwrap_or_default().trim_start_matches("error: ");
        let failure = Failure::new(exit, sentence).hint(paragraphs.next().unwrap_or_default());
        return Output { json }.fail(failure);
    }
    // A reader that has gone has seen enough.
    let _ = stopped.print();
    if stopped.use_stderr() { exit } else { Exit::Done }
}

/// `text` in a style, for places that keep it.
#[must_use]
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A column of a table: its heading, and what it does when there is little room.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Words that stay in one piece, because people copy them.
    Whole(&'static str),
    /// Words that may flow over several lines.
    Flowing(&'static str),
    /// Numbers, at the right.
    Number(&'static str),
}

/// A table without lines, fitted to the terminal.
#[must_use]
pub fn table<const N: usize>(columns: [Column; N]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    table.style_text_only();
    table.set_header(columns.map(|column| Cell::new(column.heading()).add_attribute(Attribute::Bold)));
    for (shown, column) in table.column_iter_mut().zip(columns) {
        shown.set_padding((0, 2));
        match column {
            Column::Flowing(_) => drop(shown.set_constraint(ColumnConstraint::LowerBoundary(LONGEST_WORD))),
            Column::Whole(_) => drop(shown.set_constraint(ColumnConstraint::ContentWidth)),
            Column::Number(_) => {
                shown.set_constraint(ColumnConstraint::ContentWidth).set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Whole(heading) | Self::Flowing(heading) | Self::Number(heading) => heading,
        }
    }
}

/// The widest that text is set: the terminal, but no more than is pleasant to read.
#[must_use]
pub fn text_width() -> usize {
    Table::new().width().map_or(WIDEST, usize::from).clamp(NARROWEST, WIDEST)
}
