//! The ledger: opening, reading, writing.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::time::Duration;

use super::database::{
    About, Connection, Failure, Opening, Postgres, Readers, Row, Sqlite, Statement, Writer, sql,
};
use super::url::Place;
use super::{LedgerError, LedgerUrl, file, schema};
use crate::aside::Aside;
use domain::clock::Clock;
use domain::fault::Fault;

/// Threads that read.
const READERS: usize = 4;

/// How long a disk may take to say how much room it has.
const DISK: Duration = Duration::from_secs(1);
/// How long the last writes may take.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// The record of turns, and the outbox.
///
/// One process writes at a time (a lock on a file beside it says which, or one of the database server); any number may
/// read.
#[derive(Debug)]
pub struct Ledger {
    url: LedgerUrl,
    pub(super) clock: Clock,
    pub(super) writer: Writer,
    readers: Readers,
    /// Where its volume is asked.
    pub(super) disk: Aside,
    _lock: Option<File>,
}

impl Ledger {
    /// Opens the ledger to write, and creates or migrates it first if need be. Turns that a dead
    /// process left running are marked as interrupted.
    ///
    /// # Errors
    /// When another process writes to it, or it cannot be opened or migrated.
    pub async fn open(url: &LedgerUrl, clock: Clock) -> Result<Self, LedgerError> {
        let ledger = match &url.0 {
            Place::File(path) => {
                let lock = file::claim(path).await?;
                file::migrate(path, &lock).await?;
                Self::start(url, clock, Opening::Write, Some(lock))?
            }
            Place::Server(server) => {
                let ledger = Self::start(url, clock, Opening::Write, None)?;
                // Who may not write must not migrate either.
                ledger.writer.claim().await.map_err(|error| error.of_opening(url))?;
                schema::migrate(server, url).await?;
                ledger
            }
        };
        ledger.end_interrupted(BTreeSet::new, Fault::interrupted()).await?;
        Ok(ledger)
    }

    /// Opens an existing ledger to write, and makes none.
    ///
    /// # Errors
    /// When there is none; and like [`Self::open`].
    pub async fn open_existing(url: &LedgerUrl, clock: Clock) -> Result<Self, LedgerError> {
        let missing = Self::open_to_read(url, clock.clone()).await;
        if let Err(missing @ (LedgerError::Missing { .. } | LedgerError::Empty { .. })) = missing {
            return Err(missing);
        }
        Self::open(url, clock).await
    }

    /// Opens an existing ledger to read, also while another process writes to it.
    ///
    /// # Errors
    /// When there is none, or it is from another version.
    pub async fn open_to_read(url: &LedgerUrl, clock: Clock) -> Result<Self, LedgerError> {
        if url.file().is_some_and(|path| !path.is_file()) {
            return Err(LedgerError::Missing { ledger: url.clone() });
        }
        if url.file().is_some_and(file::is_empty) {
            return Err(LedgerError::Empty { ledger: url.clone() });
        }
        let ledger = Self::start(url, clock, Opening::Read, None)?;
        ledger.refuse_other_versions().await?;
        Ok(ledger)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &LedgerUrl {
        &self.url
    }

    /// Why it did not write in the last minute, for people.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.writer.trouble().map(|failure| failure.told())
    }

    /// How much room it takes, in bytes.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn size(&self) -> Result<u64, LedgerError> {
        self.read("measure itself", |connection| connection.size()).await
    }

    /// Closes it; what is committed is safe without it. A database that does not answer is not waited for for ever.
    pub async fn close(&self) {
        self.readers.close();
        if tokio::time::timeout(LAST_WRITES, self.writer.close()).await.is_err() {
            tracing::error!("the ledger does not answer, and is closed without what was put off");
        }
    }

    /// The time that rows are stamped with, in milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    /// Reads something.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl FnMut(&mut Connection<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.readers.read(what, read).await
    }

    /// The rows of a statement.
    pub(super) async fn rows(
        &self,
        what: &'static str,
        statement: Statement,
    ) -> Result<Vec<Row>, LedgerError> {
        self.read(what, move |connection| connection.rows(statement.clone())).await
    }

    /// The first row of a statement, if it has any.
    pub(super) async fn row(
        &self,
        what: &'static str,
        statement: Statement,
    ) -> Result<Option<Row>, LedgerError> {
        self.read(what, move |connection| connection.row(statement.clone())).await
    }

    /// The row of a statement that always has one.
    pub(super) async fn one(&self, what: &'static str, statement: Statement) -> Result<Row, LedgerError> {
        self.read(what, move |connection| connection.one(statement.clone())).await
    }

    /// Runs one statement that writes, and gives how many rows it changed.
    pub(super) async fn run(&self, what: &'static str, statement: Statement) -> Result<u64, LedgerError> {
        self.write(what, move |connection| connection.run(statement.clone())).await
    }

    /// Writes something in one transaction, and returns when it is committed. It may be done twice, the first time
    /// without effect: what it computes, it computes from what it reads there.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        what: &'static str,
        write: impl FnMut(&mut Connection<'_>) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.writer.write(what, About::Nothing, write).await
    }

    /// Who only reads does not migrate, but must not misread either.
    async fn refuse_other_versions(&self) -> Result<(), LedgerError> {
        if self.url.file().is_none() {
            let known = self.one("read its version", sql(schema::KNOWN)).await;
            if !known.map_err(|error| error.of_opening(&self.url))?.get::<bool>("known")? {
                return Err(LedgerError::Missing { ledger: self.url.clone() });
            }
        }
        let found = self.one("read its version", sql(schema::FOUND)).await;
        let found = found.map_err(|error| error.of_opening(&self.url))?.get::<Option<i64>>("version")?;
        match found.unwrap_or_default().cmp(&schema::VERSION) {
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(LedgerError::Newer { ledger: self.url.clone() }),
            Ordering::Less => Err(LedgerError::Older { ledger: self.url.clone() }),
        }
    }

    fn start(
        url: &LedgerUrl,
        clock: Clock,
        opening: Opening,
        lock: Option<File>,
    ) -> Result<Self, LedgerError> {
        let driver = |opening| match &url.0 {
            Place::File(path) => Ok(Sqlite::of(path, opening)),
            Place::Server(server) => Postgres::of(server, opening),
        };
        let started = || -> io::Result<Self> {
            let readers = (0..READERS).map(|_| driver(Opening::Read)).collect::<io::Result<Vec<_>>>()?;
            Ok(Self {
                url: url.clone(),
                writer: Writer::start(driver(opening)?, clock.clone())?,
                clock,
                readers: Readers::start(readers)?,
                disk: Aside::new(DISK),
                _lock: lock,
            })
        };
        started().map_err(|cause| LedgerError::Open { ledger: url.clone(), cause: Failure::of_disk(&cause) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_no_ledger_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes.txt");
        let notes = "these are my notes, not a database, and long enough to be read";
        std::fs::write(&path, notes).expect("written");
        let error = Ledger::open(&LedgerUrl::of_file(&path), Clock::system()).await.expect_err("no database");
        assert!(error.to_string().contains("cannot be opened"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), notes);
    }
}
