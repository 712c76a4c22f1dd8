//! The one way to write. Nothing is told as written before its commit was seen to succeed, and a connection
//! whose transaction broke is replaced.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteQueryResult};
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool, SqliteTransaction};

use super::LedgerError;

/// The one connection that writes: SQLite has one writer anyway, and a queue in front of it beats
/// `SQLITE_BUSY`.
#[derive(Debug)]
pub(super) struct Writer(SqlitePool);

impl Writer {
    pub(super) async fn open(options: SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            // A file does not go away like a server does, and to ask each time costs as much as a statement.
            .test_before_acquire(false)
            .after_release(|connection, _| Box::pin(is_at_rest(connection)));
        Ok(Self(pool.connect_with(options).await?))
    }

    /// For the migrator, which brings its own transactions.
    pub(super) fn for_migrations(&self) -> &SqlitePool {
        &self.0
    }

    /// A transaction. It takes the write lock at once: one that reads first and is upgraded later fails with
    /// `SQLITE_BUSY` however long the busy timeout.
    pub(super) async fn begin(&self, what: &'static str) -> Result<SqliteTransaction<'_>, LedgerError> {
        self.0.begin_with("BEGIN IMMEDIATE").await.map_err(LedgerError::doing(what))
    }

    /// One statement, as a transaction of its own. It has no `RETURNING`: whoever fetches a row leaves the
    /// statement before its commit, and nobody is told that the commit failed
    /// (<https://github.com/launchbadge/sqlx/issues/3430>).
    pub(super) async fn execute(
        &self,
        what: &'static str,
        statement: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<SqliteQueryResult, LedgerError> {
        statement.execute(&self.0).await.map_err(LedgerError::doing(what))
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
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
