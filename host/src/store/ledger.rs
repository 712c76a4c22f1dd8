//! The ledger's file: opening, locking, migrating.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteQueryResult,
    SqliteSynchronous,
};
use sqlx::{SqlSafeStr as _, Sqlite, SqlitePool, SqliteTransaction};
use tokio::time::Instant;

use super::LedgerError;
use super::writer::Writer;
use domain::clock::Clock;

const MIGRATIONS: [(i64, &str, &str); 6] = [
    (1, "ledger", include_str!("migrations/0001_ledger.sql")),
    (2, "plugins", include_str!("migrations/0002_plugins.sql")),
    (3, "experiments", include_str!("migrations/0003_experiments.sql")),
    (4, "attempts", include_str!("migrations/0004_attempts.sql")),
    (5, "neighbours", include_str!("migrations/0005_neighbours.sql")),
    (6, "attempts are history", include_str!("migrations/0006_attempts_are_history.sql")),
];

/// How long a lock is waited for whose owner has let go: a process that was just forked holds all files of its parent
/// until it becomes another program.
const FORKED: Duration = Duration::from_millis(200);
/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// The record of turns, and the outbox.
///
/// One process writes at a time (an OS lock on a file beside it says which); any number may read.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    pub(super) clock: Clock,
    pub(super) writer: Writer,
    pub(super) readers: SqlitePool,
    _lock: Option<File>,
}

/// Where the ledger is: `sqlite:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerUrl(PathBuf);

impl LedgerUrl {
    /// Reads `sqlite:PATH` (also `sqlite://PATH`).
    ///
    /// # Errors
    /// When it is the URL of something else.
    pub fn parse(url: &str) -> Result<Self, LedgerError> {
        let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        match path {
            Some(path) if !path.is_empty() && !path.starts_with(':') => Ok(Self(PathBuf::from(path))),
            _ => Err(LedgerError::Url { url: url.to_owned() }),
        }
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Ledger {
    /// Opens the ledger to write, and creates or migrates it first if need be. Turns that a dead
    /// process left running are marked as interrupted.
    ///
    /// # Errors
    /// When another process writes to it, or the file cannot be opened or migrated.
    pub async fn open(url: &LedgerUrl, clock: Clock) -> Result<Self, LedgerError> {
        let path = url.0.clone();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)
                .map_err(|cause| LedgerError::Folder { path: path.clone(), cause })?;
        }
        let lock = lock(&path).await?;
        let ledger = Self::connect(path, clock, Some(lock), options().create_if_missing(true)).await?;
        migrator().run(ledger.writer.for_migrations()).await.map_err(|cause| ledger.not_migrated(cause))?;
        ledger.end_interrupted(&BTreeSet::new()).await?;
        Ok(ledger)
    }

    /// Opens an existing ledger to read, also while another process writes to it.
    ///
    /// # Errors
    /// When there is none, or it is from another version.
    pub async fn open_to_read(url: &LedgerUrl, clock: Clock) -> Result<Self, LedgerError> {
        let path = url.0.clone();
        if !path.is_file() {
            return Err(LedgerError::Missing { path });
        }
        // Nothing is set on the way: it may be somebody else's database.
        let options = SqliteConnectOptions::new().read_only(true).busy_timeout(BUSY);
        let ledger = Self::connect(path, clock, None, options).await?;
        ledger.refuse_other_versions().await?;
        Ok(ledger)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file; what is committed is safe without it.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The time that rows are stamped with, in milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    /// A transaction that writes.
    pub(super) async fn write(&self, what: &'static str) -> Result<SqliteTransaction<'_>, LedgerError> {
        self.writer.begin(what).await
    }

    /// One statement that writes.
    pub(super) async fn execute(
        &self,
        what: &'static str,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<SqliteQueryResult, LedgerError> {
        self.writer.execute(what, statement).await
    }

    async fn connect(
        path: PathBuf,
        clock: Clock,
        lock: Option<File>,
        options: SqliteConnectOptions,
    ) -> Result<Self, LedgerError> {
        let options = options.filename(&path);
        let failed = |cause| LedgerError::Open { path: path.clone(), cause };
        let writer = Writer::open(options.clone()).await.map_err(failed)?;
        let readers = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false);
        let readers = readers.connect_lazy_with(options.read_only(true));
        Ok(Self { path, clock, writer, readers, _lock: lock })
    }

    /// Who only reads does not migrate, but must not misread either.
    async fn refuse_other_versions(&self) -> Result<(), LedgerError> {
        let newest: i64 = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&self.readers)
            .await
            .map_err(|cause| LedgerError::Open { path: self.path.clone(), cause })?;
        let [.., (own, _, _)] = MIGRATIONS;
        match newest.cmp(&own) {
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(LedgerError::Newer { path: self.path.clone() }),
            Ordering::Less => Err(LedgerError::Older { path: self.path.clone() }),
        }
    }

    fn not_migrated(&self, cause: MigrateError) -> LedgerError {
        let path = self.path.clone();
        match cause {
            MigrateError::VersionMissing(_) => LedgerError::Newer { path },
            cause => LedgerError::Migrate { path, cause },
        }
    }
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .journal_mode(SqliteJournalMode::Wal)
        // With NORMAL a committed step can vanish when the power fails, and would be paid for again.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

async fn lock(path: &Path) -> Result<File, LedgerError> {
    let open = |cause| LedgerError::Folder { path: path.to_owned(), cause };
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::create(name).map_err(open)?;
    let patience = Instant::now() + FORKED;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                tokio::time::sleep(FORKED / 20).await;
            }
            Err(TryLockError::WouldBlock) => return Err(LedgerError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(cause)) => return Err(open(cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sqlite_file_is_a_ledger() {
        for (url, expected) in [
            ("sqlite:a/b.db", Some("a/b.db")),
            ("sqlite:///tmp/b.db", Some("/tmp/b.db")),
            ("postgres://x/y", None),
            ("sqlite::memory:", None),
            ("b.db", None),
        ] {
            let path = LedgerUrl::parse(url).ok().map(|url| url.path().to_owned());
            assert_eq!(path.as_deref(), expected.map(Path::new), "{url}");
        }
    }

    #[tokio::test]
    async fn a_second_writer_is_told_so_and_a_reader_is_let_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = LedgerUrl(folder.path().join("deep/ledger.db"));
        let missing = Ledger::open_to_read(&url, Clock::system()).await.expect_err("nothing there");
        assert!(matches!(missing, LedgerError::Missing { .. }), "{missing}");
        let first = Ledger::open(&url, Clock::system()).await.expect("opens");
        let second = Ledger::open(&url, Clock::system()).await.expect_err("is locked");
        assert!(matches!(second, LedgerError::InUse { .. }), "{second}");
        Ledger::open_to_read(&url, Clock::system()).await.expect("reads beside the writer");
        drop(first);
        // A process that another test starts at this moment holds the lock too, from its fork to its exec.
        let mut opened = Ledger::open(&url, Clock::system()).await;
        for _ in 0..100 {
            if !matches!(opened, Err(LedgerError::InUse { .. })) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            opened = Ledger::open(&url, Clock::system()).await;
        }
        opened.expect("the lock ends with its holder");
    }

    #[tokio::test]
    async fn a_file_that_is_no_ledger_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = LedgerUrl(folder.path().join("notes.txt"));
        std::fs::write(url.path(), "these are my notes, not a database, and long enough to be read")
            .expect("written");
        let error = Ledger::open(&url, Clock::system()).await.expect_err("no database");
        assert!(error.to_string().contains("cannot be opened"), "{error}");
    }
}
