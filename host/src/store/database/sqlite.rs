//! SQLite.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter};

use super::driver::{Driver, Opening};
use super::statement::Given;
use super::whereabouts::Whereabouts;
use super::{Cell, Failure, Row, Statement};

/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);
/// More statements than the ledger has.
const PREPARED: usize = 128;

/// The version of the SQLite in this program.
#[must_use]
pub fn version() -> &'static str {
    rusqlite::version()
}

/// A connection to a SQLite file.
pub(in crate::store) struct Sqlite {
    path: PathBuf,
    opening: Opening,
    whereabouts: Whereabouts,
    connection: Option<Connection>,
}

impl Sqlite {
    /// A connection to a file that is there.
    pub(in crate::store) fn of(path: &Path, opening: Opening) -> Box<dyn Driver> {
        let whereabouts = Whereabouts::of(path);
        Box::new(Self { path: path.to_owned(), opening, whereabouts, connection: None })
    }

    fn connection(&mut self) -> Result<&Connection, Failure> {
        if self.connection.is_none() {
            self.whereabouts.before_opening()?;
            self.connection = Some(opened(&self.path, self.opening)?);
        }
        self.connection.as_ref().ok_or_else(Failure::closed)
    }
}

fn opened(path: &Path, opening: Opening) -> Result<Connection, Failure> {
    let access = match opening {
        Opening::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Opening::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    if opening == Opening::Write {
        connection.pragma_update(None, "journal_mode", "wal")?;
        // With NORMAL a committed step can vanish when the power fails, and would be paid for again.
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
    }
    Ok(connection)
}

impl Driver for Sqlite {
    fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let mut prepared = self.connection()?.prepare_cached(&statement.text)?;
        let columns: Arc<[String]> = prepared.column_names().into_iter().map(str::to_owned).collect();
        let mut found = prepared.query(params_from_iter(&statement.given))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let cells = (0..columns.len()).map(|place| row.get_ref(place).map(cell));
            rows.push(Row::new(&columns, cells.collect::<Result<_, _>>()?));
        }
        Ok(rows)
    }

    fn run(&mut self, statement: &Statement) -> Result<u64, Failure> {
        let mut prepared = self.connection()?.prepare_cached(&statement.text)?;
        let changed = prepared.execute(params_from_iter(&statement.given))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    fn size(&mut self) -> Result<u64, Failure> {
        let pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let bytes: i64 = self.connection()?.prepare_cached(pages)?.query_row([], |row| row.get(0))?;
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    fn begin(&mut self) -> Result<(), Failure> {
        // It takes the write lock at once: one that reads first and is upgraded later fails with `SQLITE_BUSY` however
        // long the busy timeout.
        self.connection()?.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        // The log is there by now.
        self.whereabouts.look()
    }

    fn commit(&mut self) -> Result<(), Failure> {
        self.connection()?.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn roll_back(&mut self) {
        // A full disk (or `RAISE (ROLLBACK)`) has ended it inside of SQLite.
        let Some(connection) = self.connection.as_ref().filter(|connection| !connection.is_autocommit())
        else {
            return;
        };
        if let Err(error) = connection.execute_batch("ROLLBACK") {
            tracing::warn!(%error, "a transaction of the ledger cannot be rolled back: its connection is replaced");
            self.connection = None;
        }
    }

    fn hold(&mut self) -> Result<(), Failure> {
        // A lock on a file stays.
        match self.opening {
            Opening::Write => self.whereabouts.look(),
            Opening::Read => Ok(()),
        }
    }
}

impl ToSql for Given {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Whole(Some(number)) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(None) | Self::Whole(None) => ToSqlOutput::Owned(Value::Null),
        })
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Nothing,
        ValueRef::Integer(number) => Cell::Whole(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => Cell::Other(String::from_utf8_lossy(text).into_owned()),
        },
        ValueRef::Blob(bytes) => Cell::Other(format!("{} bytes", bytes.len())),
    }
}
