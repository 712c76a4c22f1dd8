//! Why the ledger could not do it.

use std::path::PathBuf;

use super::database::{Failure, Kind};
use super::{LedgerUrl, NoLedger};

/// What to do about damage.
const DAMAGED: &str = "the ledger was damaged, or changed by another program (of a file `sqlite3 FILE 'PRAGMA integrity_check'` \
                       says where); put back a copy of it, or correct the row";
/// What to do about silence.
const SILENT: &str = "the database's server takes connections and says nothing: is it stopped, out of memory, or its disk \
                      hanging? Everything goes on by itself when it answers";
/// So many characters of an unreadable column are told.
const SHOWN: usize = 120;

/// Why the ledger could not do it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The URL names neither a SQLite file nor a PostgreSQL database.
    #[error(transparent)]
    Url(#[from] NoLedger),
    /// The folder of the file cannot be made.
    #[error("the folder or the lock file of the ledger {ledger} cannot be created: {cause}")]
    Folder {
        /// Which.
        ledger: LedgerUrl,
        /// The system's words.
        cause: std::io::Error,
    },
    /// Another process holds the ledger.
    #[error(
        "the ledger {ledger} is in use by another persona-host: stop it first, or ask it over HTTP (POST /diag/tick)"
    )]
    InUse {
        /// Which.
        ledger: LedgerUrl,
    },
    /// There is no such file, and it was to be read only.
    #[error("there is no ledger at {ledger}: point store.url at one, or let `persona-host run` begin it")]
    Missing {
        /// Which.
        ledger: LedgerUrl,
    },
    /// A newer version has changed the tables.
    #[error("the ledger {ledger} was written by a newer persona-host: use that version, or another ledger")]
    Newer {
        /// Which.
        ledger: LedgerUrl,
    },
    /// An older version made the tables, and nobody has migrated them yet.
    #[error(
        "the ledger {ledger} was written by an older persona-host: start `persona-host run` once, which brings it up to \
         date"
    )]
    Older {
        /// Which.
        ledger: LedgerUrl,
    },
    /// The file is no ledger, or the server does not let us in.
    #[error("the ledger {ledger} cannot be opened: {cause}")]
    Open {
        /// Which.
        ledger: LedgerUrl,
        /// The database's words.
        cause: Failure,
    },
    /// The file is a database, and not ours.
    #[error("{ledger} is the database of another program")]
    Foreign {
        /// Which.
        ledger: LedgerUrl,
    },
    /// Migrating failed.
    #[error("the ledger {ledger} cannot be migrated: {cause}")]
    Migrate {
        /// Which.
        ledger: LedgerUrl,
        /// What went wrong.
        cause: sqlx::migrate::MigrateError,
    },
    /// No copy can be made before migrating, and so nothing is changed.
    #[error(
        "the ledger {ledger} was written by an older persona-host, and no copy of it can be made at {} before it is \
         brought up to date: {cause}",
        to.display()
    )]
    Copy {
        /// Which.
        ledger: LedgerUrl,
        /// Where the copy was to be.
        to: PathBuf,
        /// What went wrong.
        cause: Failure,
    },
    /// A statement failed.
    #[error("the ledger could not {what}: {cause}")]
    Statement {
        /// What was wanted.
        what: &'static str,
        /// The database's words.
        cause: Failure,
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
            Self::Open { cause, .. } if cause.kind == Kind::Full => Some("make room where the ledger is"),
            Self::Open { cause, .. } if cause.kind == Kind::Damaged => Some(DAMAGED),
            Self::Open { cause, .. } if cause.kind == Kind::Silent => Some(SILENT),
            Self::Open { ledger, .. } if ledger.file().is_none() => Some(
                "is the server up, does store.url name user, password and database, and may the user create a schema in \
                 it?",
            ),
            Self::Open { .. } => Some(
                "it was not changed; store.url or --ledger must name a file that persona-host made, or one \
                 that does not exist yet",
            ),
            Self::Foreign { .. } => Some("it was not changed; name another file in store.url"),
            Self::Copy { .. } => Some("make room for a second one beside it; nothing was changed"),
            Self::Migrate { ledger, .. } if ledger.file().is_none() => Some(
                "nothing of that step was changed; may the user of store.url create and alter tables in its schema \
                 persona_host?",
            ),
            Self::Migrate { .. } => Some("put back a copy of it, or name another file in store.url"),
            Self::Folder { .. } => Some("store.url names a file in it; correct one or the other"),
            Self::OtherPlan { .. } => Some(
                "a plan that has begun is not changed: put the file back, or raise `version` in it, which begins \
                 anew and keeps the old turns apart",
            ),
            _ if self.is_of_one_row() => Some(DAMAGED),
            Self::Statement { cause, .. } => Some(match cause.kind {
                Kind::Full => "make room where the ledger is: then everything goes on by itself",
                Kind::Gone => "is the database's server up? Everything goes on by itself when it is",
                Kind::Silent => SILENT,
                Kind::Unsure => {
                    "is the database's server up? Nothing is done again before the ledger was asked what it has of it"
                }
                Kind::Taken => "stop the other one: two that write would pay for everything twice",
                Kind::Damaged => DAMAGED,
                Kind::Busy => "another program holds it locked: what is open on it, such as sqlite3?",
                Kind::OfOneRow | Kind::Other => "is the disk full, or the ledger in use by another program?",
            }),
            _ => None,
        }
    }

    /// Whether it is about what one row holds. The ledger itself is well, and other rows can be read.
    #[must_use]
    pub fn is_of_one_row(&self) -> bool {
        matches!(self, Self::Row { .. })
    }

    /// Whether the database would not write one row for what is in it (or for a trigger that looks at it). The same may
    /// hold for every row, but the ledger itself is well.
    #[must_use]
    pub fn is_of_one_write(&self) -> bool {
        self.is_of_one_row() || self.failure().is_some_and(|failure| failure.kind == Kind::OfOneRow)
    }

    /// What the database said, if it was that.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Statement { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// Wraps a statement's failure with what was wanted.
    pub(super) fn doing(what: &'static str) -> impl Fn(Failure) -> Self {
        move |cause| Self::Statement { what, cause }
    }

    /// The same failure as one of opening.
    pub(super) fn of_opening(self, ledger: &LedgerUrl) -> Self {
        let ledger = ledger.clone();
        match self {
            Self::Statement { cause, .. } if cause.kind == Kind::Taken => Self::InUse { ledger },
            Self::Statement { cause, .. } => Self::Open { ledger, cause },
            other => other,
        }
    }
}

/// What a column holds, as much of it as a line has room for.
fn beginning(value: &str) -> String {
    match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
