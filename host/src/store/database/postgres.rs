//! PostgreSQL.

use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, PgConnection, Row as _, TypeInfo as _, ValueRef as _,
};
use tokio::runtime::Runtime;

use super::driver::{Driver, Opening};
use super::statement::Given;
use super::{Cell, Failure, Kind, Row, Server, Statement};

/// By what the server knows that a process writes to this ledger (an advisory lock of the database).
const WRITES: i64 = 0x7065_7273_6f6e_6168;
/// How long is waited for another process, or for what is left of it, to let go of the ledger.
const LETS_GO: &str = "SET lock_timeout = '1s'";
const NOT_LET_GO: &str = "55P03";
/// How long an answer is waited for while the server answers others. It ends what takes long by itself; but a connection
/// may be lost unnoticed.
const SILENCE: Duration = Duration::from_secs(45);
/// How long it is asked for what became of a commit, and how long is waited in between.
const VERDICT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// A connection, with what drives it on its thread.
pub(in crate::store) struct Postgres {
    server: Server,
    opening: Opening,
    runtime: Runtime,
    connection: Option<PgConnection>,
    /// What serves the connection on the server, or served the last one.
    backend: Option<String>,
    /// Which writer of the ledger this is; nothing, before its first transaction.
    writer: Option<i64>,
    /// The transaction that is open, by its number.
    transaction: Option<i64>,
}

impl Postgres {
    /// A connection to a database, made when it is first needed. Of those that write there is one in all processes.
    pub(in crate::store) fn of(server: &Server, opening: Opening) -> io::Result<Box<dyn Driver>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let server = server.clone();
        Ok(Box::new(Self {
            server,
            opening,
            runtime,
            connection: None,
            backend: None,
            writer: None,
            transaction: None,
        }))
    }

    /// Runs something on the connection, which is made if there is none. A transaction does not outlive its connection.
    fn with<T>(
        &mut self,
        work: impl AsyncFn(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Failure> {
        let was_there = self.connection.is_some();
        let done = self.once_with(&work);
        // The server may have been started anew meanwhile, and outside of a transaction nothing was lost by it.
        let is_stale = was_there && self.transaction.is_none();
        match done {
            Err(failure) if failure.kind == Kind::Gone && is_stale => self.once_with(&work),
            done => done,
        }
    }

    fn once_with<T>(
        &mut self,
        work: &impl AsyncFn(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.transaction.is_some() => {
                return Err(Failure::new(
                    Kind::Gone,
                    "the connection was lost in the middle of a transaction",
                ));
            }
            None => self.connected()?,
        };
        let done = self.patiently(work(&mut connection));
        if !done.as_ref().is_err_and(Failure::is_lost) {
            self.connection = Some(connection);
        }
        done
    }

    /// Whether a transaction was committed whose commit nobody was told of. Who has the ledger again knows that nobody else
    /// counts, and that what served the lost connection is gone.
    fn was_committed(&mut self, transaction: i64) -> Result<bool, Failure> {
        let patience = Instant::now() + VERDICT;
        loop {
            let counted = self.with(async |connection| {
                sqlx::query_as::<_, (i64, i64)>("SELECT number, writer FROM commits")
                    .fetch_one(connection)
                    .await
            });
            let failure = match counted {
                Ok((number, writer)) if Some(writer) == self.writer => return Ok(number >= transaction),
                Ok(_) => taken(),
                Err(failure) => failure,
            };
            let may_be_over = failure.is_lost() || failure.kind == Kind::Taken;
            if !may_be_over || Instant::now() >= patience {
                let words = format!(
                    "the connection was lost at the commit, and what became of it cannot be asked: {failure}"
                );
                return Err(Failure::new(Kind::Unsure, words));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Which writer of the ledger this is: one more than the last one.
    fn enrolled(&mut self) -> Result<i64, Failure> {
        if let Some(writer) = self.writer {
            return Ok(writer);
        }
        let writer = self.with(async |connection| {
            let next = "UPDATE commits SET writer = writer + 1 RETURNING writer";
            sqlx::query_scalar::<_, i64>(next).fetch_one(connection).await
        })?;
        self.writer = Some(writer);
        Ok(writer)
    }

    fn connected(&mut self) -> Result<PgConnection, Failure> {
        let mut connection = self.runtime.block_on(self.server.connect())?;
        let backend = match self.opening {
            Opening::Write => {
                let earlier = self.backend.as_deref();
                let claimed = self.patiently(claimed(&mut connection, earlier));
                Some(claimed?.ok_or_else(taken)?)
            }
            Opening::Read => {
                let only = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY";
                self.patiently(sqlx::query(only).execute(&mut connection))?;
                None
            }
        };
        self.backend = backend;
        Ok(connection)
    }

    /// Waits for what the server says: for as long as a statement may take if it answers others, and no longer than it
    /// takes to find out if it does not.
    fn patiently<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Failure> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                done = tokio::time::timeout(SILENCE, work) => match done {
                    Ok(done) => done.map_err(Failure::from),
                    Err(_) => Err(Failure::silent()),
                },
                () = self.server.falls_silent() => Err(Failure::silent()),
            }
        })
    }
}

/// Also if it did so since and has gone: what it wrote is not known here.
fn taken() -> Failure {
    Failure::new(Kind::Taken, "another persona-host writes to it, or has written to it since")
}

/// Claims the ledger for a connection, and gives what serves that on the server. Nothing: another process has it.
async fn claimed(
    connection: &mut PgConnection,
    earlier: Option<&str>,
) -> Result<Option<String>, sqlx::Error> {
    // On the server a connection may live on that was lost here.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid || ' ' || backend_start = $1";
    if let Some(earlier) = earlier {
        sqlx::query(end).bind(earlier).execute(&mut *connection).await?;
    }
    sqlx::query(LETS_GO).execute(&mut *connection).await?;
    let claimed = sqlx::query("SELECT pg_advisory_lock($1)").bind(WRITES).execute(&mut *connection).await;
    match claimed {
        Err(sqlx::Error::Database(refusal)) if refusal.code().is_some_and(|code| code == NOT_LET_GO) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    sqlx::query("RESET lock_timeout").execute(&mut *connection).await?;
    let own = "SELECT pid || ' ' || backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    sqlx::query_scalar(own).fetch_one(connection).await.map(Some)
}

impl Driver for Postgres {
    fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let rows = self.with(async |connection| query(statement).fetch_all(connection).await)?;
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let columns: Arc<[String]> = first.columns().iter().map(|column| column.name().to_owned()).collect();
        let row = |row: &PgRow| {
            let cells = (0..columns.len()).map(|place| cell(row, place));
            Ok(Row::new(&columns, cells.collect::<Result<_, sqlx::Error>>()?))
        };
        rows.iter().map(row).collect()
    }

    fn run(&mut self, statement: &Statement) -> Result<u64, Failure> {
        Ok(self.with(async |connection| query(statement).execute(connection).await)?.rows_affected())
    }

    fn size(&mut self) -> Result<u64, Failure> {
        let bytes: i64 = self.with(async |connection| {
            let tables = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
                          WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";
            sqlx::query_scalar(tables).fetch_one(connection).await
        })?;
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    fn begin(&mut self) -> Result<(), Failure> {
        let own = self.enrolled()?;
        let (number, writer) = self.with(async |connection| {
            sqlx::query("BEGIN").execute(&mut *connection).await?;
            let next = "UPDATE commits SET number = number + 1 RETURNING number, writer";
            sqlx::query_as::<_, (i64, i64)>(next).fetch_one(connection).await
        })?;
        self.transaction = Some(number);
        if writer == own { Ok(()) } else { Err(taken()) }
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let committed = self.with(async |connection| sqlx::query("COMMIT").execute(connection).await);
        let transaction = self.transaction.take();
        match (committed, transaction) {
            (Ok(_), _) => Ok(()),
            // The answer is lost, and perhaps nothing else.
            (Err(failure), Some(transaction)) if failure.is_lost() => {
                if self.was_committed(transaction)? {
                    Ok(())
                } else {
                    Err(failure)
                }
            }
            (Err(failure), _) => Err(failure),
        }
    }

    fn roll_back(&mut self) {
        self.transaction = None;
        let Some(mut connection) = self.connection.take() else { return };
        // One that cannot be rolled back is closed, which ends its transaction, too.
        let rolled_back = self.patiently(sqlx::query("ROLLBACK").execute(&mut connection));
        self.connection = rolled_back.is_ok().then_some(connection);
    }

    fn hold(&mut self) -> Result<(), Failure> {
        match self.opening {
            Opening::Write => self.with(async |connection| connection.ping().await),
            Opening::Read => Ok(()),
        }
    }
}

fn query(statement: &Statement) -> Query<'_, sqlx::Postgres, PgArguments> {
    let prepared = sqlx::query(AssertSqlSafe(with_its_own_marks(&statement.text)));
    statement.given.iter().fold(prepared, |query, given| match given {
        // No text of PostgreSQL has the character 0.
        Given::Text(Some(text)) if text.contains('\0') => query.bind(text.replace('\0', "\u{fffd}")),
        Given::Text(text) => query.bind(text.as_deref()),
        Given::Whole(number) => query.bind(*number),
    })
}

/// `$1`, `$2` … in the places of `?` and `?1`, `?2` ….
fn with_its_own_marks(text: &str) -> String {
    let mut parts = text.split('?');
    let mut own = parts.next().unwrap_or_default().to_owned();
    for (place, part) in (1..).zip(parts) {
        own.push('$');
        if !part.starts_with(|first: char| first.is_ascii_digit()) {
            own.push_str(&i32::to_string(&place));
        }
        own.push_str(part);
    }
    own
}

fn cell(row: &PgRow, place: usize) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(place)?;
    if value.is_null() {
        return Ok(Cell::Nothing);
    }
    let of = value.type_info().name().to_owned();
    Ok(match of.as_str() {
        "INT8" => Cell::Whole(row.try_get(place)?),
        "INT4" => Cell::Whole(row.try_get::<i32, _>(place)?.into()),
        "BOOL" => Cell::Whole(row.try_get::<bool, _>(place)?.into()),
        "FLOAT8" => Cell::Real(row.try_get(place)?),
        "TEXT" | "VARCHAR" | "NAME" => Cell::Text(row.try_get(place)?),
        _ => Cell::Other(format!("a value of the type {of}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_marked_as_postgresql_has_it() {
        for (own, expected) in [
            ("SELECT 1", "SELECT 1"),
            ("a = ? AND b = ?", "a = $1 AND b = $2"),
            ("a = ?2 OR b = ?1 OR c = ?12", "a = $2 OR b = $1 OR c = $12"),
            ("VALUES (?, ?, ?)", "VALUES ($1, $2, $3)"),
        ] {
            assert_eq!(with_its_own_marks(own), expected);
        }
    }
}
