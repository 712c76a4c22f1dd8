//! Why the ledger could not do it.

use std::path::PathBuf;

/// How SQLite refuses what a statement is about: SQLITE_ERROR (a function that fails on its values), _TOOBIG,
/// _CONSTRAINT and _MISMATCH (<https://sqlite.org/rescode.html>).
const REFUSES_A_ROW: [u32; 4] = [1, 18, 19, 20];
/// So many characters of an unreadable column are told.
const SHOWN: usize = 120;

/// Why the ledger could not do it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL names no SQLite file.
    #[error("store.url is {url:?}, but this version keeps its ledger in SQLite only: write sqlite:PATH")]
    Url {
        /// As configured.
        url: String,
    },
    /// The folder of the file cannot be made.
    #[error("the folder or the lock file of the ledger {} cannot be created: {cause}", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// Another process holds the ledger.
    #[error(
        "the ledger {} is in use by another persona-host: stop it first, or ask it over HTTP (POST /diag/tick)",
        path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file, and it was to be read only.
    #[error("there is no ledger at {}: point store.url at one, or let `persona-host run` begin it", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A newer version has changed the tables.
    #[error(
        "the ledger {} was written by a newer persona-host: use that version, or another ledger",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// An older version made the tables, and nobody has migrated them yet.
    #[error(
        "the ledger {} was written by an older persona-host: start `persona-host run` once, which brings it up to date",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
    },
    /// The file is no ledger.
    #[error("the ledger {} cannot be opened: {}", path.display(), words(cause))]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's words.
        cause: sqlx::Error,
    },
    /// Migrating failed.
    #[error("the ledger {} cannot be migrated: {cause}", path.display())]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("the ledger could not {what}: {cause}")]
    Statement {
        /// What was wanted.
        what: &'static str,
        /// SQLite's words.
        cause: sqlx::Error,
    },
    /// A row holds something that this version does not understand.
    #[error("the ledger's column {column} holds {:?}, which this version cannot read", beginning(value))]
    Row {
        /// Which column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// A key and version stand for another plan.
    #[error("the experiment {key}, version {version}, is registered with another plan")]
    OtherPlan {
        /// The experiment's key.
        key: String,
        /// Its version.
        version: u32,
    },
    /// No turn has an id that begins so.
    #[error("there is no turn {id}: `persona-host turns list` shows the ids")]
    NoSuchTurn {
        /// As asked.
        id: String,
    },
    /// More than one turn has an id that begins so.
    #[error("{id} is the beginning of more than one turn's id: give more of it")]
    Ambiguous {
        /// As asked.
        id: String,
    },
}

impl LedgerError {
    /// What to do about it, where the sentence itself does not say it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open { .. } => Some(
                "it was not changed; store.url or --ledger must name a file that persona-host made, or one \
                 that does not exist yet",
            ),
            Self::Migrate { .. } => Some("put back a copy of it, or name another file in store.url"),
            Self::Folder { .. } => Some("store.url names a file in it; correct one or the other"),
            Self::OtherPlan { .. } => Some(
                "a plan that has begun is not changed: put the file back, or raise `version` in it, which begins \
                 anew and keeps the old turns apart",
            ),
            _ if self.is_of_one_row() => Some(
                "the file was damaged, or changed by another program: `sqlite3 FILE 'PRAGMA integrity_check'` says \
                 which; put back a copy of it, or correct the row",
            ),
            Self::Statement { .. } => Some("is the disk full, or the file in use by another program?"),
            _ => None,
        }
    }

    /// Whether it is about what one row holds. The ledger itself is well, and other rows can be read.
    #[must_use]
    pub fn is_of_one_row(&self) -> bool {
        match self {
            Self::Row { .. } => true,
            Self::Statement { cause, .. } => matches!(cause, sqlx::Error::ColumnDecode { .. }),
            _ => false,
        }
    }

    /// Whether SQLite would not write one row for what is in it (or for a trigger that looks at it). The same may hold
    /// for every row, but the disk and the file are well.
    #[must_use]
    pub fn is_of_one_write(&self) -> bool {
        let Self::Statement { cause: sqlx::Error::Database(error), .. } = self else {
            return self.is_of_one_row();
        };
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        // The low byte is the kind; the rest says more about it.
        code.is_some_and(|code| REFUSES_A_ROW.contains(&(code & 0xff)))
    }

    /// Wraps a statement's failure with what was wanted.
    pub(super) fn doing(what: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |cause| Self::Statement { what, cause }
    }
}

/// What a column holds, as much of it as a line has room for.
fn beginning(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// SQLite's own words, without those around them.
fn words(cause: &sqlx::Error) -> String {
    match cause {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}
