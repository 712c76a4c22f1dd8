//! Why a database did not do it.

use std::{fmt, io};

use sqlx::sqlite::SqliteError;

/// How SQLite refuses what a statement is about: SQLITE_ERROR (a function that fails on its values), _TOOBIG,
/// _CONSTRAINT and _MISMATCH (<https://sqlite.org/rescode.html>).
const REFUSES_A_ROW: [i32; 4] = [1, 18, 19, 20];
const FULL: i32 = 13;
/// SQLITE_CORRUPT, and of SQLITE_IOERR the one that says that something is missing at the end.
const CORRUPT: i32 = 11;
const SHORT: i32 = 522;
/// SQLITE_IOERR and _NOTADB.
const DISK: i32 = 10;
const NO_DATABASE: i32 = 26;
/// SQLITE_PERM, _READONLY and _CANTOPEN, and of _READONLY the one that says that the file was moved.
const NOT_WRITABLE: [i32; 3] = [3, 8, 14];
const MOVED: i32 = 1032;
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
    /// The file is torn, or tables are missing. (A file that is no database at all is another matter.)
    Damaged,
    /// The file is no database at all.
    NoDatabase,
    /// The file is not where it was.
    Moved,
    /// The file, or its folder, may be read at most.
    NotWritable,
    /// The server does not let the user in, or do that.
    Denied,
    /// The disk fails.
    Disk,
    /// The server ended a statement that took too long.
    Slow,
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
        let kind = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::Full,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::NotWritable,
            _ => Kind::Other,
        };
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
    pub(in crate::store) fn silent() -> Self {
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
    match (code, code & 0xff) {
        (SHORT, _) | (_, CORRUPT) => Kind::Damaged,
        (MOVED, _) => Kind::Moved,
        (_, FULL) => Kind::Full,
        (_, DISK) => Kind::Disk,
        (_, NO_DATABASE) => Kind::NoDatabase,
        (_, code) if NOT_WRITABLE.contains(&code) => Kind::NotWritable,
        (_, code) if BUSY.contains(&code) => Kind::Busy,
        (_, code) if REFUSES_A_ROW.contains(&code) => Kind::OfOneRow,
        _ => Kind::Other,
    }
}

/// The first two characters are the class (PostgreSQL's appendix A).
fn of_postgres(code: &str) -> Kind {
    match code.get(..2) {
        _ if code == "53100" => Kind::Full,
        // A statement took too long, or there is no memory for it: its connection is well.
        _ if code == "57014" => Kind::Slow,
        _ if code == "53200" => Kind::Other,
        // Rights, and what may be read only: a standby is so.
        _ if matches!(code, "42501" | "25006") => Kind::Denied,
        // A schema, a table, a column, a function that is not there.
        _ if matches!(code, "3F000" | "42P01" | "42703" | "42883") => Kind::Damaged,
        _ if matches!(code, "XX001" | "XX002") => Kind::Damaged,
        // A lock that others hold, and transactions that are in each other's way.
        Some("40" | "55") => Kind::Busy,
        Some("28") => Kind::Denied,
        // Values, constraints, what is too large, and what triggers say.
        Some("21" | "22" | "23" | "44" | "54" | "P0") => Kind::OfOneRow,
        // Connections and their number, operator intervention (the server stops), and system errors.
        Some("08" | "53" | "57" | "58") => Kind::Gone,
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
        let kind = of_postgres(&code);
        Self::new(kind, refusal.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::advice;

    #[test]
    fn what_a_database_refuses_is_told_with_what_to_do_about_just_that() {
        let of_file =
            |code| Failure::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)).kind;
        for (kind, words) in [
            (of_file(5), "what is open on it"),
            (of_file(8), "mounted read-only"),
            (of_file(1032), "put it back"),
            (of_file(10 | 6 << 8), "the disk fails"),
            (of_file(522), "integrity_check"),
            (of_file(11), "integrity_check"),
            (of_file(13), "make room"),
            (of_file(14), "may persona-host write the file and its folder"),
            (of_file(19 | 8 << 8), "correct the row"),
            (of_file(26), "put back a copy"),
            (of_postgres("42501"), "may the user of store.url"),
            (of_postgres("28P01"), "may the user of store.url"),
            (of_postgres("25006"), "standby"),
            (of_postgres("42P01"), "put back a copy"),
            (of_postgres("XX001"), "put back a copy"),
            (of_postgres("53100"), "make room"),
            (of_postgres("57014"), "pg_stat_activity"),
            (of_postgres("55P03"), "another program holds it locked"),
            (of_postgres("57P01"), "is the database's server up"),
            (of_postgres("23505"), "correct the row"),
            (of_postgres("0A000"), "says no more than that"),
            (of_postgres(""), "says no more than that"),
        ] {
            assert!(advice(kind).contains(words), "{kind:?}: {}", advice(kind));
        }
    }
}
