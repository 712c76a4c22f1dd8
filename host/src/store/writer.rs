//! The one way to write. Nothing is told as written before its commit was seen to succeed, and a connection
//! whose transaction broke is replaced.
//!
//! What need not be awaited is put off: it is written with the next write, or in a moment. So the result of one step and
//! the intent of the next share a commit.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteQueryResult};
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool, SqliteTransaction};

use super::LedgerError;
use super::statement::{Statement, alone, transaction};
use domain::ids::TurnId;

/// How long something is put off at most.
const MOMENT: Duration = Duration::from_millis(20);
const PUT_OFF: &str = "write down what was put off";

/// The one connection that writes: SQLite has one writer anyway, and a queue in front of it beats
/// `SQLITE_BUSY`.
#[derive(Debug)]
pub(super) struct Writer {
    pool: SqlitePool,
    put_off: Arc<PutOff>,
}

/// What is written with the next write, in order, and which turn it is about.
#[derive(Debug, Default)]
struct PutOff {
    statements: Mutex<Vec<(TurnId, Statement)>>,
    /// Somebody writes it in a moment.
    is_awaited: AtomicBool,
}

impl Writer {
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            // A file does not go away like a server does, and to ask each time costs as much as a statement.
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(is_at_rest(connection)));
        Ok(Self { pool: pool.connect_with(options).await?, put_off: Arc::default() })
    }

    /// For the migrator, which brings its own transactions.
    pub(super) fn for_migrations(&self) -> &SqlitePool {
        &self.pool
    }

    /// A transaction, after what was put off as far as that can be written. It takes the write lock at once: one that
    /// reads first and is upgraded later fails with `SQLITE_BUSY` however long the busy timeout.
    pub(super) async fn begin(&self, what: &'static str) -> Result<SqliteTransaction<'_>, LedgerError> {
        // Its own commit first: whatever becomes of the transaction, it has happened. What cannot be written is no
        // fault of this one.
        if let Err(error) = self.write_put_off().await {
            tracing::debug!(%error, "a transaction begins without it");
        }
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(LedgerError::doing(what))
    }

    /// One statement, as a transaction of its own. It has no `RETURNING`: whoever fetches a row leaves the
    /// statement before its commit, and nobody is told that the commit failed
    /// (<https://github.com/launchbadge/sqlx/issues/3430>).
    pub(super) async fn execute(
        &self,
        what: &'static str,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<SqliteQueryResult, LedgerError> {
        statement.execute(&self.pool).await.map_err(LedgerError::doing(what))
    }

    /// One statement about a turn, in one transaction with what was put off. It is not written without what was put
    /// off about the same turn.
    pub(super) async fn write(
        &self,
        what: &'static str,
        turn: TurnId,
        statement: Statement,
    ) -> Result<SqliteQueryResult, LedgerError> {
        let (pool, put_off) = (self.pool.clone(), Arc::clone(&self.put_off));
        let written = to_its_end(async move { put_off.write_with(&pool, turn, &statement).await }).await;
        written.map_err(LedgerError::doing(what))
    }

    /// Writes this with the next write, or in a moment.
    pub(super) fn put_off(&self, turn: TurnId, statement: Statement) {
        self.put_off.lock().push((turn, statement));
        if self.put_off.is_awaited.swap(true, Ordering::AcqRel) {
            return;
        }
        let (pool, put_off) = (self.pool.clone(), Arc::clone(&self.put_off));
        tokio::spawn(async move {
            tokio::time::sleep(MOMENT).await;
            put_off.is_awaited.store(false, Ordering::Release);
            if let Err(error) = put_off.write(&pool).await {
                // Whoever writes next tries again, and is told.
                tracing::debug!(%error, "what was put off cannot be written now");
            }
        });
    }

    /// Writes what was put off, and returns when it is committed.
    pub(super) async fn write_put_off(&self) -> Result<(), LedgerError> {
        let (pool, put_off) = (self.pool.clone(), Arc::clone(&self.put_off));
        to_its_end(async move { put_off.write(&pool).await }).await.map_err(LedgerError::doing(PUT_OFF))
    }

    pub(super) async fn close(&self) {
        if let Err(error) = self.write_put_off().await {
            tracing::error!(%error, "the ledger is closed without what was put off");
        }
        self.pool.close().await;
    }
}

impl PutOff {
    fn lock(&self) -> MutexGuard<'_, Vec<(TurnId, Statement)>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<(TurnId, Statement)> {
        mem::take(&mut *self.lock())
    }

    /// Writes each by itself, so that one stands in no other's way. What cannot be written is put off again; gives why,
    /// of the first one about this turn, or about any.
    async fn one_by_one(
        &self,
        connection: &mut SqliteConnection,
        taken: Vec<(TurnId, Statement)>,
        about: Option<TurnId>,
    ) -> Option<sqlx::Error> {
        let (mut left, mut why) = (Vec::new(), None);
        for (turn, statement) in taken {
            if let Err(error) = at_once(connection, &[&statement]).await {
                if about.is_none_or(|about| about == turn) {
                    why.get_or_insert(error);
                }
                left.push((turn, statement));
            }
        }
        // Before whatever came meanwhile.
        self.lock().splice(0..0, left);
        why
    }

    async fn write_with(
        &self,
        pool: &SqlitePool,
        turn: TurnId,
        statement: &Statement,
    ) -> Result<SqliteQueryResult, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        let taken = self.take();
        let all: Vec<&Statement> = taken.iter().map(|(_, own)| own).chain([statement]).collect();
        let error = match at_once(&mut connection, &all).await {
            Err(error) if !taken.is_empty() => error,
            written => return written,
        };
        tracing::debug!(%error, "what cannot be written is found out one by one");
        match self.one_by_one(&mut connection, taken, Some(turn)).await {
            Some(error) => Err(error),
            None => at_once(&mut connection, &[statement]).await,
        }
    }

    async fn write(&self, pool: &SqlitePool) -> Result<(), sqlx::Error> {
        if self.lock().is_empty() {
            return Ok(());
        }
        // Taken by who has the connection: so the order stays.
        let mut connection = pool.acquire().await?;
        let taken = self.take();
        if taken.is_empty() {
            return Ok(());
        }
        let all: Vec<&Statement> = taken.iter().map(|(_, own)| own).collect();
        if at_once(&mut connection, &all).await.is_ok() {
            return Ok(());
        }
        self.one_by_one(&mut connection, taken, None).await.map_or(Ok(()), Err)
    }
}

/// Writes also when nobody waits for it any more: a turn may be cut off at any time, and what it writes is the business
/// of others, too.
async fn to_its_end<T: Send + 'static>(
    writes: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, sqlx::Error> {
    tokio::spawn(writes).await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// All of them or none, in one go to the connection's thread.
async fn at_once(
    connection: &mut SqliteConnection,
    statements: &[&Statement],
) -> Result<SqliteQueryResult, sqlx::Error> {
    if let [one] = statements {
        return alone(one).execute(connection).await;
    }
    let written = transaction(statements).execute(&mut *connection).await;
    if written.is_err() {
        // There is none if it broke off inside of SQLite.
        let _ = sqlx::raw_sql("ROLLBACK").execute(connection).await;
    }
    written
}

/// Whether the next one finds the connection as it should be. A full disk (or `RAISE (ROLLBACK)`) ends a
/// transaction inside of SQLite; sqlx then rolls back what is no longer there, fails, and counts that
/// transaction as open for ever: every later one on this connection would be refused.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if connection.is_in_transaction() {
        // A rollback may still be under way to the connection's thread, which answers in order.
        connection.ping().await?;
    }
    let is_at_rest = !connection.is_in_transaction();
    if !is_at_rest {
        tracing::warn!("a transaction of the ledger broke off inside of SQLite; its connection is replaced");
    }
    Ok(is_at_rest)
}
