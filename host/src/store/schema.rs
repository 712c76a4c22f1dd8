//! The tables: which version of them this program knows, and how older ones become it.

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Connection as _, SqlSafeStr as _};

use super::database::{Failure, Server};
use super::{LedgerError, LedgerUrl};

/// Version, name, and what is done to a SQLite file and to a PostgreSQL database. The latter begins with version 7.
type Step = (i64, &'static str, &'static str, Option<&'static str>);

const STEPS: [Step; 12] = [
    (1, "ledger", include_str!("migrations/sqlite/0001_ledger.sql"), None),
    (2, "plugins", include_str!("migrations/sqlite/0002_plugins.sql"), None),
    (3, "experiments", include_str!("migrations/sqlite/0003_experiments.sql"), None),
    (4, "attempts", include_str!("migrations/sqlite/0004_attempts.sql"), None),
    (5, "neighbours", include_str!("migrations/sqlite/0005_neighbours.sql"), None),
    (6, "attempts are history", include_str!("migrations/sqlite/0006_attempts_are_history.sql"), None),
    (
        7,
        "pruned",
        include_str!("migrations/sqlite/0007_pruned.sql"),
        Some(include_str!("migrations/postgres/0007_pruned.sql")),
    ),
    (
        8,
        "pauses",
        include_str!("migrations/sqlite/0008_pauses.sql"),
        Some(include_str!("migrations/postgres/0008_pauses.sql")),
    ),
    (
        9,
        "tool pins",
        include_str!("migrations/sqlite/0009_tool_pins.sql"),
        Some(include_str!("migrations/postgres/0009_tool_pins.sql")),
    ),
    (
        10,
        "stopped",
        include_str!("migrations/sqlite/0010_stopped.sql"),
        Some(include_str!("migrations/postgres/0010_stopped.sql")),
    ),
    (
        11,
        "events",
        include_str!("migrations/sqlite/0011_events.sql"),
        Some(include_str!("migrations/postgres/0011_events.sql")),
    ),
    (
        12,
        "spent",
        include_str!("migrations/sqlite/0012_spent.sql"),
        Some(include_str!("migrations/postgres/0012_spent.sql")),
    ),
];

/// The version that this program writes.
pub const VERSION: i64 = STEPS[STEPS.len() - 1].0;
/// Asks a PostgreSQL database whether there are any.
pub(super) const KNOWN: &str = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL AS known";
/// Asks which version the tables have. The table has the name that SQLx gives it.
pub(super) const FOUND: &str = "SELECT max(version) AS version FROM _sqlx_migrations";

/// How a SQLite file becomes one of this version.
pub(super) fn of_files() -> Migrator {
    Migrator::with_migrations(
        STEPS.iter().map(|(version, name, sql, _)| migration(*version, name, sql)).collect(),
    )
}

fn of_servers() -> Migrator {
    let steps = STEPS.iter().filter_map(|(version, name, _, sql)| Some(migration(*version, name, (*sql)?)));
    Migrator::with_migrations(steps.collect())
}

fn migration(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}

/// Brings the tables of a PostgreSQL database to this version, and makes them if there are none.
pub(super) async fn migrate(server: &Server, url: &LedgerUrl) -> Result<(), LedgerError> {
    // However long it takes, as long as the server answers.
    tokio::select! {
        migrated = migrate_in_time(server, url) => migrated,
        () = server.falls_silent() => Err(LedgerError::Open { ledger: url.clone(), cause: Failure::silent() }),
    }
}

async fn migrate_in_time(server: &Server, url: &LedgerUrl) -> Result<(), LedgerError> {
    let failed = |cause| LedgerError::Open { ledger: url.clone(), cause };
    let mut connection = server.connect().await.map_err(failed)?;
    Server::prepare(&mut connection).await.map_err(failed)?;
    let migrated = of_servers().run(&mut connection).await;
    let _ = connection.close().await;
    migrated.map_err(|cause| not_migrated(url, cause))
}

pub(super) fn not_migrated(url: &LedgerUrl, cause: MigrateError) -> LedgerError {
    let ledger = url.clone();
    match cause {
        MigrateError::VersionMissing(_) => LedgerError::Newer { ledger },
        cause => LedgerError::Migrate { ledger, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_from_the_seventh_on_is_there_for_both_databases() {
        for (place, (version, name, _, of_server)) in (1..).zip(STEPS) {
            assert_eq!(version, place, "{name}: versions follow each other");
            assert_eq!(of_server.is_some(), version >= 7, "{name}");
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations");
        let files = |of: &str| std::fs::read_dir(format!("{folder}/{of}")).expect("a folder").count();
        assert_eq!((files("sqlite"), files("postgres")), (STEPS.len(), STEPS.len() - 6), "none is forgotten");
    }
}
