//! Why a configuration cannot be used.

use std::ops::Range;
use std::path::PathBuf;

use domain::code::Code;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named cannot be read.
    #[error("the configuration {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// As named.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// The file is no valid TOML, has an unknown key or a value of the wrong kind.
    #[error("{message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// Where in the text.
        span: Range<usize>,
        /// What is wrong there.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A value is of the right kind but cannot be meant.
    #[error("{name} {problem}, got {raw:?}")]
    Value {
        /// The variable or key.
        name: String,
        /// What it must be.
        problem: String,
        /// What it is.
        raw: String,
    },
    /// A secret's file cannot be read.
    #[error("{name} names {}, which cannot be read: {cause}", path.display())]
    SecretFile {
        /// The variable, such as `MANA_SERVICE_KEY_FILE`.
        name: String,
        /// What it names.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// A secret's file holds nothing.
    #[error("{name} names {}, which is empty", path.display())]
    EmptySecret {
        /// The variable, such as `MANA_SERVICE_KEY_FILE`.
        name: String,
        /// What it names.
        path: PathBuf,
    },
    /// A secret is in a variable, and in a file that another one names.
    #[error("{name} is set, and so is {name}_FILE")]
    Twice {
        /// The variable without `_FILE`.
        name: String,
    },
    /// A routing entry names a strategy that does not exist.
    #[error("{key} names the strategy {name:?}, but there is no [strategies.{name}] (there are: {known})")]
    NoSuchStrategy {
        /// Where it is named.
        key: String,
        /// What is named.
        name: String,
        /// What there is.
        known: String,
    },
    /// An experiment file cannot be read.
    #[error("the experiment {} cannot be read: {cause}", path.display())]
    NoExperiment {
        /// As named.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// An experiment file can be read, and cannot be meant.
    #[error("the experiment {} cannot be used: {problem}", path.display())]
    Experiment {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What to write instead.
        hint: String,
    },
    /// An entry is for a persona or an archetype that nobody has.
    #[error("{key} is for nobody: {} has no persona of this {kind}", catalog.display())]
    Nobody {
        /// The entry.
        key: String,
        /// `address` or `archetype`.
        kind: &'static str,
        /// Who there is.
        catalog: PathBuf,
    },
    /// What is wrong is written in a file, and there.
    #[error("{error}")]
    At {
        /// The file.
        path: PathBuf,
        /// Its text.
        text: String,
        /// Where in the text.
        span: Range<usize>,
        /// What is wrong there.
        error: Box<ConfigError>,
    },
    /// Production is not safe with these secrets (contract 7.1).
    #[error("mana-persona-runner production start blocked — missing/unsafe: {}", missing.join(", "))]
    Production {
        /// Which, in the contract's words.
        missing: Vec<String>,
    },
}

impl ConfigError {
    /// What happened, as one of the codes.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unreadable { .. } => Code::ConfigUnreadable,
            Self::Syntax { .. } => Code::ConfigSyntax,
            Self::Value { .. } => Code::ConfigValue,
            Self::SecretFile { .. } | Self::EmptySecret { .. } => Code::ConfigSecretFile,
            Self::Twice { .. } => Code::ConfigTwice,
            Self::NoSuchStrategy { .. } => Code::ConfigNoStrategy,
            Self::NoExperiment { .. } => Code::ExperimentUnreadable,
            Self::Experiment { .. } => Code::ExperimentUnusable,
            Self::Production { .. } => Code::ConfigProduction,
            Self::Nobody { .. } => Code::ConfigNobody,
            Self::At { error, .. } => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::At { error, .. } => error.hint(),
            Self::Nobody { kind, .. } => {
                Some(format!("correct the {kind}, or take the entry away; it stays without effect meanwhile"))
            }
            Self::Twice { .. } => Some("unset one of the two".to_owned()),
            Self::Unreadable { .. } => {
                Some("name an existing file with --config, or leave it out to use the defaults".to_owned())
            }
            Self::Production { .. } => Some(
                "set each of them to a secret of its own, or unset NODE_ENV where this is not production"
                    .to_owned(),
            ),
            Self::Value { .. } => Some(
                "correct it where it is set: names in capitals are variables, the others are keys of the file"
                    .to_owned(),
            ),
            Self::NoExperiment { .. } => Some("name a file, such as examples/experiment.toml".to_owned()),
            Self::Experiment { hint, .. } => Some(hint.clone()),
            Self::EmptySecret { .. } => Some("write the secret into it, or unset the variable".to_owned()),
            Self::SecretFile { .. } => Some("name a file that this user can read".to_owned()),
            Self::NoSuchStrategy { .. } => {
                Some("add the section, or name one of those that there are".to_owned())
            }
        }
    }

    /// Where, what and what to do in one line, for a log.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        let place = match self {
            Self::Syntax { path, text, span, .. } | Self::At { path, text, span, .. } => {
                let line = text.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
                format!("{}, line {line}: ", path.display())
            }
            _ => String::new(),
        };
        let hint = self.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("{place}{self}{hint}")
    }
}
