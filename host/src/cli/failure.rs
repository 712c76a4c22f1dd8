//! A command's failure as people meet it: what, where, what to do next, and an exit code.

use std::fmt;

use miette::{Diagnostic, LabeledSpan, MietteHandlerOpts, NamedSource, ReportHandler as _, SourceCode};
use serde_json::{Value, json};

use super::pages::advice;
use super::terminal::width;
use super::text::printable;
use super::{EXITS, Exit};
use crate::behavior::{EngineError, Refusal};
use crate::config::ConfigError;
use crate::evidence::NoEvidence;
use crate::mana::ManaError;
use crate::mana::admin::AdminError;
use crate::outbound::{OutboundError, TapeError};
use crate::reload::Complaint;
use crate::runner::{RoundError, TickError};
use crate::store::LedgerError;
use domain::code::Code;

/// How wide an error is set at most and at least, in characters.
const WIDE: usize = 80;
const NARROW: usize = 40;

/// Why a command did not do it.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    exit: Exit,
    code: Code,
    is_told: bool,
    place: Option<Box<Place>>,
}

/// Where in a file.
#[derive(Debug)]
struct Place {
    source: NamedSource<String>,
    label: LabeledSpan,
}

impl Failure {
    /// A failure with its exit code, and with the code of which `persona-host explain` tells more.
    pub fn new(exit: Exit, code: Code, message: impl Into<String>) -> Self {
        // It may quote a neighbour or a file. Its own line breaks stay.
        let message: Vec<String> = message.into().split('\n').map(printable).collect();
        Self { message: message.join("\n"), hint: None, exit, code, is_told: false, place: None }
    }

    /// What is said of a command that did its work, and whose answer is no success.
    #[must_use]
    pub fn of_answer(exit: Exit) -> Self {
        let means =
            EXITS.iter().find(|(own, _)| *own == exit).map_or("the answer is no", |(_, means)| *means);
        Self::new(exit, Code::AnswerNo, means).told()
    }

    /// The same where people have read why in the answer.
    #[must_use]
    pub fn told(self) -> Self {
        Self { is_told: true, ..self }
    }

    /// Whether people have read why in the answer.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.is_told
    }

    /// The same for a command whose low exit codes are verdicts.
    #[must_use]
    pub fn beside_verdicts(self) -> Self {
        Self { exit: self.exit.beside_verdicts(), ..self }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Both at once: the words of both, and the exit code of the first.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.message = format!("{}\n{}", self.message, other.message);
        let more = other.hint.filter(|hint| self.hint.as_ref() != Some(hint));
        self.hint = match (self.hint, more) {
            (Some(hint), Some(more)) => Some(format!("{hint}\n{more}")),
            (hint, more) => hint.or(more),
        };
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub fn ending(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// As people see it: sentence, place, advice.
    #[must_use]
    pub fn into_text(self) -> String {
        format!("{:?}", Drawn(&self))
    }

    /// Where, what and what to do, in a few plain lines.
    #[must_use]
    pub fn line(&self) -> String {
        let place = self.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!("\n    {hint}"));
        format!("{place}{}{hint}\n", self.message)
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// For programs. `at` is the place in a file, as `FILE:LINE:COLUMN`, where there is one.
    #[must_use]
    pub fn document(&self) -> Value {
        let at = self.place.as_ref().map(|place| place.to_string());
        json!({
            "code": self.code.word(), "message": self.message, "hint": self.advice(), "at": at, "exit": self.exit.code(),
        })
    }

    /// What to do: its own hint, or what the page of its code says.
    fn advice(&self) -> &str {
        self.hint.as_deref().unwrap_or_else(|| advice(self.code))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.source.inner().get(..self.label.offset()).unwrap_or_default();
        let line = text.matches('\n').count() + 1;
        let column = text.chars().rev().take_while(|c| *c != '\n').count() + 1;
        write!(f, "{}:{line}:{column}", self.source.name())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = format!("{}\n`persona-host explain {}` tells more", self.advice(), self.code);
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| &place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.place.as_ref()?.label.clone();
        Some(Box::new(std::iter::once(label)))
    }
}

/// As miette draws it. Colours that are not wanted are taken away where it is printed.
struct Drawn<'a>(&'a Failure);

impl fmt::Debug for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = width().unwrap_or(WIDE).clamp(NARROW, WIDE);
        MietteHandlerOpts::new().color(true).width(width).build().debug(self.0, f)
    }
}

/// The same text, as long as it was, with stars for passwords in URLs: lines of it are shown.
fn without_passwords(text: &str) -> String {
    let hide = |line: &str| {
        let Some((before, rest)) = line.split_once("://") else { return line.to_owned() };
        let shown = match (rest.split_once(':'), rest.rfind('@')) {
            (Some((user, _)), Some(at)) if user.len() < at => user.len() + 1..at,
            _ => 0..0,
        };
        let rest: String = rest
            .char_indices()
            .map(
                |(place, own)| {
                    if shown.contains(&place) { "*".repeat(own.len_utf8()) } else { own.to_string() }
                },
            )
            .collect();
        format!("{before}://{rest}")
    };
    text.split('\n').map(hide).collect::<Vec<_>>().join("\n")
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let exit = match &error {
            // As the original ends, so that a supervisor sees the same.
            ConfigError::Production { .. } => Exit::Unexpected,
            ConfigError::NoExperiment { .. } => Exit::File,
            ConfigError::Experiment { .. } => Exit::BadInput,
            _ => Exit::Configuration,
        };
        let mut failure = Self { hint: error.hint(), ..Self::new(exit, error.code(), error.to_string()) };
        if let ConfigError::Syntax { path, text, span, .. } | ConfigError::At { path, text, span, .. } = error
        {
            let source = NamedSource::new(path.display().to_string(), without_passwords(&text));
            let label = LabeledSpan::underline(span);
            failure.place = Some(Box::new(Place { source, label }));
        }
        failure
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = match error {
            LedgerError::InUse { .. } => Exit::Busy,
            LedgerError::NoSuchTurn { .. } | LedgerError::Ambiguous { .. } => Exit::No,
            LedgerError::Url(_) => Exit::Configuration,
            LedgerError::OtherPlan { .. } => Exit::BadInput,
            _ => Exit::File,
        };
        let hint = error.hint().map(str::to_owned);
        Self { hint, ..Self::new(exit, error.code(), error.to_string()) }
    }
}

impl From<NoEvidence> for Failure {
    fn from(error: NoEvidence) -> Self {
        let (exit, code) = match error {
            NoEvidence::Ledger(error) => return error.into(),
            NoEvidence::NoExperiment { .. } | NoEvidence::NoVersion { .. } => {
                (Exit::File, Code::NoSuchExperiment)
            }
            NoEvidence::NoPhase { .. } => (Exit::BadInput, Code::NoSuchPhase),
            NoEvidence::Unanalyzable { .. } => (Exit::BadInput, Code::NotComparable),
        };
        Self { hint: error.hint(), ..Self::new(exit, code, error.to_string()) }
    }
}

impl From<ManaError> for Failure {
    fn from(error: ManaError) -> Self {
        Self::new(exit_of(error.fault_code()), error.fault_code(), error.to_string()).hint(error.hint())
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        Self::new(exit_of(error.fault_code()), error.fault_code(), error.to_string()).hint(error.hint())
    }
}

/// How a command ends to which mana-auth did not give what it asked for.
fn exit_of(code: Code) -> Exit {
    match code {
        Code::ManaUnreachable | Code::ManaNoAnswer | Code::ManaUnreadable => Exit::Unreachable,
        // It answers, and does not do its work.
        Code::DueFailed | Code::ListFailed | Code::CreateFailed => Exit::Unreachable,
        Code::WrongPath | Code::ManaUnsendable => Exit::Configuration,
        Code::NotRecorded => Exit::No,
        _ => Exit::Refused,
    }
}

impl From<TickError> for Failure {
    fn from(error: TickError) -> Self {
        match error {
            TickError::Due(error) => error.into(),
            TickError::Ledger(error) => error.into(),
            TickError::AlreadyLooking => Self::new(Exit::Busy, Code::TickUnderWay, error.to_string()),
            TickError::Stopping => Self::new(Exit::Busy, Code::Stopping, error.to_string()),
        }
    }
}

impl<E: std::fmt::Display> From<RoundError<E>> for Failure {
    fn from(error: RoundError<E>) -> Self {
        match error {
            RoundError::Ledger(error) => error.into(),
            RoundError::Border(_) => Self::new(Exit::File, Code::ArmsMixed, error.to_string()),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(Exit::BadInput, refusal.stage.code(), refusal.to_string())
    }
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        match complaint {
            Complaint::Plugin(refusal) => refusal.into(),
            Complaint::Unready { .. } => {
                Self::new(Exit::BadInput, Code::PluginUnready, complaint.to_string())
            }
            Complaint::Settings { ref strategy, .. } => {
                let hint = format!("correct `settings` in [strategies.{strategy}]");
                Self::new(Exit::BadInput, Code::SettingsRefused, complaint.to_string()).hint(hint)
            }
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::new(Exit::File, Code::PluginEngine, error.to_string())
    }
}

impl From<OutboundError> for Failure {
    fn from(error: OutboundError) -> Self {
        Self::new(Exit::Unexpected, Code::HttpClient, error.to_string())
    }
}

impl From<TapeError> for Failure {
    fn from(error: TapeError) -> Self {
        let (exit, code) = match error.is_of_disk() {
            true => (Exit::File, Code::RecordingDisk),
            false => (Exit::BadInput, Code::RecordingUnusable),
        };
        Self::new(exit, code, error.to_string()).hint(error.hint())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::File, Code::Io, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_line_that_is_shown_is_covered_and_all_stays_in_its_place() {
        for (line, shown) in [
            ("url = \"postgres://anna:hunter2@db/x\"", "url = \"postgres://anna:*******@db/x\""),
            ("url = \"postgres://anna:hun@ter@db/x", "url = \"postgres://anna:*******@db/x"),
            ("base_url = \"http://localhost:3001\"", "base_url = \"http://localhost:3001\""),
            ("a = 1", "a = 1"),
        ] {
            assert_eq!(without_passwords(&format!("# ok\n{line}\n")), format!("# ok\n{shown}\n"));
            assert_eq!(shown.len(), line.len());
        }
    }
}
