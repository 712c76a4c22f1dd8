//! Standard output: the one answer, for people or for programs (docs/commands.md). Everything else goes to standard error.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, TableStyle, Width,
};
use serde::Serialize;

use super::envelope::{envelope, line_of_failure};
use super::next;
use super::terminal::{shows_progress, width};
use super::{Exit, Failure};
use domain::code::Code;
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
    process: &'static Process,
}

/// What holds for as long as the process.
#[derive(Debug)]
struct Process {
    answer: Mutex<Answer>,
    /// The configuration file that was named.
    config: Option<PathBuf>,
}

/// What programs have been told on standard output, or are told at the end.
#[derive(Debug, Default)]
enum Answer {
    /// Nothing yet.
    #[default]
    None,
    /// This document, when it is known how the command ends.
    Kept(String),
    /// A document a line, as things happened.
    Lines,
    /// All there is to say.
    Told,
}

impl Output {
    /// For programs or for people, who named a configuration file or did not.
    #[must_use]
    pub fn new(json: bool, config: Option<PathBuf>) -> Self {
        Self { json, process: Box::leak(Box::new(Process { answer: Mutex::default(), config })) }
    }

    /// Answers: people read the text at once, programs the document when it is known how the command ends. A command has
    /// one answer.
    ///
    /// # Errors
    /// When standard output is closed for another reason than that nobody reads any more.
    pub fn print(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            self.tell(Answer::Kept(pretty(document)?));
            return Ok(());
        }
        self.show(&text())
    }

    /// The same for a command that then goes on: programs, too, read it at once.
    ///
    /// # Errors
    /// As with [`Output::print`].
    pub fn print_now(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            let text = envelope(Some(&pretty(document)?), None);
            self.tell(Answer::Told);
            return written(&text).map(drop);
        }
        self.show(&text())
    }

    /// One of many answers, each told as it comes: to programs as a line. Gives whether somebody still reads.
    ///
    /// # Errors
    /// As with [`Output::print`].
    pub fn line(self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<bool, Failure> {
        if self.json {
            let line = serde_json::to_string(document).map_err(|error| unexpected(&error))?;
            self.tell(Answer::Lines);
            return written(&(in_json(&line) + "\n"));
        }
        written(&for_a_terminal(&text()))
    }

    /// The same for a failure after which the command goes on.
    pub fn line_of_failure(self, failure: Failure) {
        if self.json {
            self.tell(Answer::Lines);
            // Whoever does not read any more misses nothing.
            let _ = written(&line_of_failure(&failure));
        } else {
            complain(failure);
        }
    }

    /// A part of the answer that only people read.
    ///
    /// # Errors
    /// As with [`Output::print`].
    pub fn show(self, text: &str) -> Result<(), Failure> {
        if self.json { Ok(()) } else { written(&for_a_terminal(text)).map(drop) }
    }

    /// Says something beside the answer, to people only.
    pub fn say(self, line: &str) {
        if !self.json {
            // Progress that cannot be shown is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{}", for_a_terminal(line));
        }
    }

    /// Says what is under way, to people who see it as it comes.
    pub fn progress(self, line: &str) {
        if shows_progress() {
            self.say(line);
        }
    }

    /// Says what may be typed next, to people only: a command of this program.
    pub fn next(self, words: &[&str]) {
        self.next_line(&self.typed(words));
    }

    /// The same for what is typed as it stands.
    pub fn next_line(self, line: &str) {
        self.say(&format!("next: {}", styled(PLACE, line)));
    }

    /// A command of this program, as it can be typed here.
    #[must_use]
    pub fn typed(self, words: &[&str]) -> String {
        next::typed(words, self.process.config.as_deref())
    }

    /// Ends the command: programs get their one document, and people read why it failed.
    #[must_use]
    pub fn end(self, ended: Result<Exit, Failure>) -> Exit {
        let (exit, failure) = match ended {
            Ok(exit) if exit.code() == Exit::Done.code() => (exit, None),
            Ok(exit) => (exit, Some(Failure::of_answer(exit))),
            Err(failure) => (failure.exit(), Some(failure)),
        };
        if !self.json {
            failure.into_iter().for_each(complain);
            return exit;
        }
        let answer = std::mem::replace(&mut *self.locked(), Answer::Told);
        let text = match (answer, failure) {
            (Answer::None, failure) => envelope(None, failure.as_ref()),
            (Answer::Kept(document), failure) => envelope(Some(&document), failure.as_ref()),
            (Answer::Lines, Some(failure)) => line_of_failure(&failure),
            (Answer::Told, Some(failure)) => {
                complain(failure);
                return exit;
            }
            (Answer::Lines | Answer::Told, None) => return exit,
        };
        match written(&text) {
            Ok(_) => exit,
            Err(failure) => {
                let exit = failure.exit();
                complain(failure);
                exit
            }
        }
    }

    fn tell(self, answer: Answer) {
        let mut told = self.locked();
        let goes_on = matches!((&*told, &answer), (Answer::None, _) | (Answer::Lines, Answer::Lines));
        debug_assert!(goes_on, "a command has one answer, or lines");
        *told = answer;
    }

    fn locked(self) -> std::sync::MutexGuard<'static, Answer> {
        self.process.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pretty(document: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(document).map(|text| in_json(&text)).map_err(|error| unexpected(&error))
}

fn unexpected(error: &serde_json::Error) -> Failure {
    Failure::new(Exit::Unexpected, Code::Unexpected, error.to_string())
}

/// Writes to standard output. Gives whether somebody still reads: whoever piped us into `head` has seen enough.
fn written(text: &str) -> Result<bool, Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let message = format!("standard output cannot be written to: {error}");
            Err(Failure::new(Exit::File, Code::FileUnwritable, message)
                .hint("send it to where there is room, and call it again"))
        }
    }
}

/// Tells people of a failure, on standard error, unless they have read of it in the answer.
fn complain(failure: Failure) {
    if !failure.is_told() {
        let _ = writeln!(anstream::stderr(), "{}", for_a_terminal(&failure.into_text()).trim_end());
    }
}

/// Ends a command line that asked for help, or cannot be read. Nothing has been done.
#[must_use]
pub fn not_begun(stopped: &clap::Error) -> Exit {
    // The arguments could not be read, so these have to be looked for.
    let typed: Vec<_> = std::env::args_os().skip(1).collect();
    let output = Output::new(typed.iter().any(|argument| argument == "--json"), None);
    let of_experiment = typed.iter().skip_while(|argument| *argument != "experiment").nth(1);
    let is_gate = match of_experiment.and_then(|verb| verb.to_str()) {
        Some("gate") => true,
        Some("analyze") => typed.iter().any(|argument| argument == "--gate"),
        _ => false,
    };
    let exit = if is_gate { Exit::Usage.beside_verdicts() } else { Exit::Usage };
    let said = stopped.render().to_string();
    let is_failure = stopped.use_stderr();
    if output.json {
        return match is_failure {
            true => output.end(Err(unread(exit, &said))),
            // What can be said against a text was said when it was printed.
            false => output
                .end(output.print(&serde_json::json!({ "text": said }), String::new).map(|()| Exit::Done)),
        };
    }
    // A reader that has gone has seen enough.
    let _ = stopped.print();
    if is_failure { exit } else { Exit::Done }
}

/// What clap says, in our form.
fn unread(exit: Exit, said: &str) -> Failure {
    let mut paragraphs = said.trim().splitn(2, "\n\n");
    let (first, rest) = (paragraphs.next().unwrap_or_default(), paragraphs.next().unwrap_or_default());
    match first.strip_prefix("error: ") {
        Some(sentence) => Failure::new(exit, Code::Usage, sentence).hint(rest),
        // Who types too little gets the help.
        None => Failure::new(exit, Code::Usage, "a command is missing").hint(rest),
    }
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
    if let Some(width) = width() {
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
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
    width().unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
}
