//! Why a database did not do it.

use std::{fmt, io};

use sqlx::sqlite::SqliteError;

/// How SQLite refuses what a statement is about: SQLITE_ERROR (a function that fails on its values), _TOOBIG,
/// _CONSTRAINT and _MISMATCH (<https://sqlite.org/rescode.html>).
const REFUSES_A_ROW: [i32; 4] = [1, 18, 19, 20];
const FULL: i32 = 13;
const CORRUPT: i32 = 11;
/// SQLITE_BUSY and _LOCKED.
const BUSY: [i32; 2] = [5, 6];

/// What a database said, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its kind.
    pub kind: Kind,
    words: String,
}

/// What a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What is to be written does not fit, or a trigger will not have it. The database itself is well.
    OfOneRow,
    /// There is no room left.
    Full,
    /// The connection is gone, and with it what its transaction wrote.
    Gone,
    /// The server is there, and says nothing.
    Silent,
    /// The connection was lost at a commit, and the database could not be asked what became of it.
    Unsure,
    /// Another process writes.
    Taken,
    /// The file is torn. (A file that is no database at all is another matter.)
    Damaged,
    /// Another program holds a lock for longer than is waited for it.
    Busy,
    /// Anything else.
    Other,
}

impl Failure {
    pub(super) fn new(kind: Kind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into() }
    }

    /// What the operating system said.
    pub(in crate::store) fn of_disk(error: &io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::StorageFull { Kind::Full } else { Kind::Other };
        Self::new(kind, error.to_string())
    }

    /// In what state the ledger is then, for people.
    pub(in crate::store) fn told(&self) -> String {
        match self.kind {
            Kind::Full => format!("disk full: {self}"),
            _ => self.words.clone(),
        }
    }

    /// The server says nothing.
    pub(super) fn silent() -> Self {
        Self::new(Kind::Silent, "the server does not answer")
    }

    /// Whether the connection is lost, and with it what its transaction wrote.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.kind, Kind::Gone | Kind::Silent)
    }

    /// The thread that has the connection is no more.
    pub(super) fn closed() -> Self {
        Self::new(Kind::Gone, "the ledger is closed")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

impl std::error::Error for Failure {}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let kind = error.sqlite_error().map_or(Kind::Other, |error| of_sqlite(error.extended_code));
        Self::new(kind, error.to_string())
    }
}

fn of_sqlite(code: i32) -> Kind {
    // The low byte is the kind; the rest says more about it.
    match code & 0xff {
        FULL => Kind::Full,
        CORRUPT => Kind::Damaged,
        code if BUSY.contains(&code) => Kind::Busy,
        code if REFUSES_A_ROW.contains(&code) => Kind::OfOneRow,
        _ => Kind::Other,
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(refusal) = &error else {
            let kind = match error {
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Kind::Gone,
                sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Kind::Gone,
                _ => Kind::Other,
            };
            return Self::new(kind, error.to_string());
        };
        let code = refusal.code().unwrap_or_default();
        // SQLite speaks through SQLx, too, while a file is opened.
        if refusal.try_downcast_ref::<SqliteError>().is_some() {
            return Self::new(of_sqlite(code.parse().unwrap_or_default()), refusal.message());
        }
        // The first two characters are the class (PostgreSQL's appendix A).
        let kind = match code.get(..2) {
            _ if code == "53100" => Kind::Full,
            // A statement took too long, or there is no memory for it: its connection is well.
            _ if matches!(&*code, "57014" | "53200") => Kind::Other,
            // Values, constraints, what is too large, and what triggers say.
            Some("21" | "22" | "23" | "44" | "54" | "P0") => Kind::OfOneRow,
            // Connections and their number, operator intervention (the server stops), and system errors.
            Some("08" | "53" | "57" | "58") => Kind::Gone,
            _ => Kind::Other,
        };
        Self::new(kind, refusal.message())
    }
}
