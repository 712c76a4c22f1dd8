//! The ledger's file: whose it is, who may read it, and a copy of it before it is changed for good.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::time::Instant;

use super::database::Failure;
use super::schema::{VERSION, not_migrated, of_files};
use super::{LedgerError, LedgerUrl};
use crate::private;

/// What the lock file says once the ledger has tables.
const MADE: &[u8] = b"the ledger beside this was made\n";
/// How long a lock is waited for whose owner has let go: a process that was just forked holds all files of its parent
/// until it becomes another program.
const FORKED: Duration = Duration::from_millis(200);
/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Claims a file for this process, as long as the lock lives.
pub(super) async fn claim(path: &Path) -> Result<File, LedgerError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let failed = |cause| LedgerError::Folder { ledger: LedgerUrl::of_file(path), cause };
    folder.map_or(Ok(()), private::folders).map_err(failed)?;
    let file = private::open(&lock_of(path)).map_err(failed)?;
    let patience = Instant::now() + FORKED;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                tokio::time::sleep(FORKED / 20).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(LedgerError::InUse { ledger: LedgerUrl::of_file(path) });
            }
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
    }
}

/// Makes the file if it is not there, and brings its tables to this version. Of one that has older tables a copy is
/// kept.
pub(super) async fn migrate(path: &Path, mut lock: &File) -> Result<(), LedgerError> {
    let ledger = LedgerUrl::of_file(path);
    let not_private = |cause| LedgerError::Folder { ledger: ledger.clone(), cause };
    let is_there = fs::metadata(path).is_ok_and(|file| file.len() > 0);
    // One that a start left which was cut off has nothing either, and then it never had.
    let had_something = lock.metadata().map_err(not_private)?.len() > 0;
    if had_something && is_empty(path) {
        return Err(LedgerError::Empty { ledger });
    }
    if !is_there {
        // SQLite gives the files beside it the same mode.
        private::open(path).map_err(not_private)?;
    }
    let failed =
        |cause: sqlx::Error| LedgerError::Open { ledger: ledger.clone(), cause: Failure::from(cause) };
    // Nothing is set before it is known whose it is: the way of journaling stays in a file.
    let mut looking = plain(path).connect().await.map_err(failed)?;
    let found = version(&mut looking).await.map_err(failed)?;
    let is_foreign = found == 0 && has_tables(&mut looking).await.map_err(failed)?;
    looking.close().await.map_err(failed)?;
    if is_foreign {
        return Err(LedgerError::Foreign { ledger });
    }
    if found > VERSION {
        return Err(LedgerError::Newer { ledger });
    }
    private::open(path).map_err(not_private)?;
    let mut connection = options(path).connect().await.map_err(failed)?;
    if (1..VERSION).contains(&found) {
        let kept = with_ending(path, &format!(".version-{found}"));
        copy(&mut connection, &kept, &ledger).await?;
        tracing::info!(copy = %kept.display(), "the ledger is brought up to date; a copy of it as it was is kept");
    }
    let migrated = of_files().run(&mut connection).await;
    let _ = connection.close().await;
    migrated.map_err(|cause| not_migrated(&ledger, cause))?;
    if !had_something && let Err(error) = lock.write_all(MADE) {
        tracing::debug!(%error, "that the ledger was made is written down at another start");
    }
    Ok(())
}

/// Copies a ledger as it is at this moment, whoever writes to it.
pub(super) async fn copy_of(path: &Path, to: &Path) -> Result<(), LedgerError> {
    let ledger = LedgerUrl::of_file(path);
    let failed =
        |cause: sqlx::Error| LedgerError::Open { ledger: ledger.clone(), cause: Failure::from(cause) };
    let mut connection = plain(path).connect().await.map_err(failed)?;
    let copied = copy(&mut connection, to, &ledger).await;
    let _ = connection.close().await;
    copied
}

/// Whether there is a file, and nothing in it.
pub(super) fn is_empty(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() == 0)
}

fn plain(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY)
}

fn options(path: &Path) -> SqliteConnectOptions {
    plain(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full).foreign_keys(true)
}

/// The version of the tables that are there; 0 if there are none.
async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let known = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(known).fetch_one(&mut *connection).await?;
    if tables == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(connection).await
}

async fn has_tables(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master").fetch_one(connection).await?;
    Ok(tables > 0)
}

/// Copies the whole ledger, over what may be there of an earlier time: at each version it is whole.
async fn copy(connection: &mut SqliteConnection, to: &Path, ledger: &LedgerUrl) -> Result<(), LedgerError> {
    let half = with_ending(to, ".half");
    let failed = |cause: Failure| LedgerError::Copy { ledger: ledger.clone(), to: to.to_owned(), cause };
    let of_disk = |cause: io::Error| failed(Failure::of_disk(&cause));
    // What was left of a copy that was cut off.
    let _ = fs::remove_file(&half);
    private::open(&half).map_err(of_disk)?;
    let copied = sqlx::query("VACUUM INTO ?").bind(half.to_string_lossy()).execute(connection).await;
    if let Err(cause) = copied {
        let _ = fs::remove_file(&half);
        return Err(failed(cause.into()));
    }
    File::open(&half).and_then(|file| file.sync_all()).map_err(of_disk)?;
    fs::rename(&half, to).map_err(of_disk)?;
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(of_disk)?;
    }
    Ok(())
}

/// The file whose lock says who writes to the ledger at `path`.
pub(super) fn lock_of(path: &Path) -> PathBuf {
    with_ending(path, ".lock")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
