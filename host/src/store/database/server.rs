//! Where a PostgreSQL database is, and how it is reached.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use super::{Failure, Kind};

/// Where the tables are: whatever else is in the database is not touched.
const SCHEMA: &str = "persona_host";
/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer is waited for before it is doubted that there is anybody.
const DOUBT: Duration = Duration::from_secs(5);
/// How long the server may take for a statement.
const STATEMENT: &str = "30s";

/// A PostgreSQL database.
#[derive(Clone)]
pub(in crate::store) struct Server(Arc<PgConnectOptions>);

impl Server {
    /// Reads a URL. Nothing: it is none, and may have a password.
    pub(in crate::store) fn parse(url: &str) -> Option<Self> {
        // An `@` behind the host is one of a password with a `/` in it, which has to be written %2F.
        let (_, rest) = url.split_once("://")?;
        let path =
            rest.split('?').next().and_then(|place| place.split_once('/')).map_or("", |(_, path)| path);
        if path.contains('@') {
            return None;
        }
        let options: PgConnectOptions = url.parse().ok()?;
        // A process whose machine is gone holds the ledger no longer than this.
        let alive =
            [("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];
        let settings = [("search_path", SCHEMA), ("statement_timeout", STATEMENT)].into_iter().chain(alive);
        Some(Self(Arc::new(options.application_name("persona-host").options(settings))))
    }

    /// Connects.
    pub(in crate::store) async fn connect(&self) -> Result<PgConnection, Failure> {
        match tokio::time::timeout(PATIENCE, PgConnection::connect_with(&self.0)).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(Failure::silent()),
        }
    }

    /// Returns when it does not even answer who is new: asked from time to time, for as long as somebody waits.
    pub(in crate::store) async fn falls_silent(&self) {
        loop {
            tokio::time::sleep(DOUBT).await;
            match self.connect().await {
                Err(failure) if failure.kind == Kind::Silent => return,
                Err(_) => {}
                Ok(connection) => drop(connection.close().await),
            }
        }
    }

    /// Makes the schema in which the tables are, and gives their migration the time that it needs.
    pub(in crate::store) async fn prepare(connection: &mut PgConnection) -> Result<(), Failure> {
        sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
        // `CREATE SCHEMA` asks for a right even if there is nothing to do.
        let is_known: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
                .bind(SCHEMA)
                .fetch_one(&mut *connection)
                .await?;
        if !is_known {
            sqlx::query("CREATE SCHEMA IF NOT EXISTS persona_host").execute(connection).await?;
        }
        Ok(())
    }
}

/// Without what is secret in it.
impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (self.0.get_host(), self.0.get_port());
        write!(
            formatter,
            "postgres://{host}:{port}/{}",
            self.0.get_database().unwrap_or(self.0.get_username())
        )
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_without_its_password() {
        let server = Server::parse("postgres://anna:hunter2@db.example:5433/mana").expect("a URL");
        assert_eq!(server.to_string(), "postgres://db.example:5433/mana");
        assert_eq!(format!("{server:?}"), "postgres://db.example:5433/mana");
        assert!(Server::parse("postgres://[").is_none());
    }
}
