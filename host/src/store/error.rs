//! Why the ledger could not do it.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;

use super::database::{DAMAGED, Failure, Kind, NOT_WRITABLE, advice};
use super::{LedgerUrl, NoLedger};
use domain::code::Code;

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
    #[error("there is no ledger at {ledger}")]
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
    /// The file has nothing in it.
    #[error("the ledger {ledger} is an empty file")]
    Empty {
        /// Which.
        ledger: LedgerUrl,
    },
    /// Migrating failed.
    #[error("the ledger {ledger} cannot be migrated: {cause}")]
    Migrate {
        /// Which.
        ledger: LedgerUrl,
        /// What went wrong.
        cause: MigrateError,
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
    /// What happened, as one of the codes.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Url(_) => Code::LedgerUrl,
            Self::InUse { .. } => Code::LedgerInUse,
            Self::Missing { .. } => Code::LedgerMissing,
            Self::Newer { .. } => Code::LedgerNewer,
            Self::Older { .. } => Code::LedgerOlder,
            Self::Foreign { .. } => Code::LedgerForeign,
            Self::Row { .. } => Code::LedgerRow,
            Self::OtherPlan { .. } => Code::ExperimentOtherPlan,
            Self::NoSuchTurn { .. } | Self::Ambiguous { .. } => Code::NoSuchTurn,
            Self::Folder { .. }
            | Self::Open { .. }
            | Self::Empty { .. }
            | Self::Migrate { .. }
            | Self::Copy { .. }
            | Self::Statement { .. } => Code::Ledger,
        }
    }

    /// What to do about it, where the sentence itself does not say it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open { ledger, cause } => Some(of_opening(cause.kind, ledger.file().is_some())),
            Self::Missing { .. } => Some(
                "`persona-host run` or `tick` begins it; or point store.url at one (in the file that --config names, or with PERSONA_STORE_URL); a daemon that runs \
                 elsewhere is asked with --url http://HOST:PORT, a ledger elsewhere is read with --ledger FILE, by verbs that \
                 have these",
            ),
            Self::Foreign { .. } => Some("it was not changed; name another file in store.url"),
            Self::Empty { .. } => Some(
                "if a ledger was there, put back a copy of it; to begin a new one, remove the file and start \
                 `persona-host run`",
            ),
            Self::Copy { cause, .. } if cause.kind == Kind::Full => {
                Some("make room for a second one beside it; nothing was changed")
            }
            Self::Copy { .. } => Some("a copy has to fit into its folder; nothing was changed"),
            Self::Migrate { ledger, .. } if ledger.file().is_none() => Some(
                "nothing of that step was changed; may the user of store.url create and alter tables in its schema \
                 persona_host?",
            ),
            Self::Migrate { cause, .. } if sqlite_code(cause) == Some(FULL) => {
                Some("make room where the ledger is, and start again; nothing of that step was changed")
            }
            Self::Migrate { cause, .. } if sqlite_code(cause) == Some(CORRUPT) => Some(DAMAGED),
            Self::Migrate { .. } => Some("put back a copy of it, or name another file in store.url"),
            Self::Folder { cause, .. } => Some(match Failure::of_disk(cause).kind {
                Kind::NotWritable => NOT_WRITABLE,
                Kind::Full => "make room where the ledger is",
                _ => "store.url names a file in it; correct one or the other",
            }),
            Self::OtherPlan { .. } => Some(
                "a plan that has begun is not changed: put the file back, or raise `version` in it, which begins \
                 anew and keeps the old turns apart",
            ),
            _ if self.is_of_one_row() => Some(DAMAGED),
            Self::Statement { cause, .. } => Some(advice(cause.kind)),
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

    /// Whether the database, its disk or its server did not do it, and may do it later without anybody doing anything here.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let never = [Kind::OfOneRow, Kind::Taken, Kind::Damaged, Kind::NoDatabase];
        self.failure().is_some_and(|failure| !never.contains(&failure.kind))
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

/// There is no room.
const FULL: i32 = 13;
/// What is in the file is no database any more.
const CORRUPT: i32 = 11;

/// How SQLite calls what a migration met.
fn sqlite_code(cause: &MigrateError) -> Option<i32> {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = cause else {
        return None;
    };
    // Above the lowest eight bits it says more.
    Some(error.as_database_error()?.code()?.parse::<i32>().ok()? & 0xff)
}

/// What to do about a ledger that cannot be opened.
fn of_opening(kind: Kind, is_file: bool) -> &'static str {
    match kind {
        Kind::Full => "make room where the ledger is",
        Kind::Damaged if is_file => DAMAGED,
        Kind::Silent => "the server takes connections and says nothing: is it stopped, or out of memory?",
        Kind::Busy | Kind::Disk | Kind::NotWritable | Kind::Slow => advice(kind),
        _ if !is_file => {
            "is the server up, does store.url name user, password and database, and may the user create a schema in it?"
        }
        _ => {
            "it was not changed; if it was a ledger, put back a copy of it; if not, store.url or --ledger must name a file \
             that persona-host made, or one that does not exist yet"
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
