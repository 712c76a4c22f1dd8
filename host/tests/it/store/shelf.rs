//! A ledger of its own in a home of its own, and a second hand on it: what another program, a full disk or an older
//! version would do to it.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use domain::clock::Clock;
use peers::postgres;
use persona_host::store::{Ledger, LedgerError, LedgerUrl};
use tempfile::TempDir;

use crate::support::meddling::meddle;

/// Where a ledger may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// In a SQLite file.
    File,
    /// In a database of a PostgreSQL server.
    Server,
}

/// A ledger in a home of its own, and a clock.
pub(super) struct Shelf {
    place: Place,
    pub(super) clock: Clock,
}

enum Place {
    Folder(TempDir),
    Database(postgres::Database),
}

/// How a database refuses a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A statement fails, and its transaction is there to be rolled back.
    Statement,
    /// The commit fails, after the row was handed out: deferred foreign keys are looked at last.
    Commit,
    /// The transaction ends inside of SQLite, as it does when the disk is full.
    Transaction,
}

impl Home {
    pub(super) fn refusals(self) -> &'static [Refusal] {
        match self {
            Self::File => &[Refusal::Commit, Refusal::Transaction, Refusal::Statement],
            Self::Server => &[Refusal::Commit, Refusal::Statement],
        }
    }

    /// Texts that no program of ours writes: broken JSON and, where there can be such a thing, what is no UTF-8.
    pub(super) fn spoilt_texts(self) -> &'static [&'static str] {
        match self {
            Self::File => &["'{'", "CAST(x'ff' AS TEXT)"],
            Self::Server => &["'{'"],
        }
    }
}

impl Shelf {
    pub(super) fn at(home: Home) -> Self {
        let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        let place = match home {
            Home::File => Place::Folder(tempfile::tempdir().unwrap()),
            Home::Server => Place::Database(postgres::database().unwrap()),
        };
        Self { place, clock: Clock::starting_at(noon) }
    }

    pub(super) fn url(&self) -> LedgerUrl {
        let url = match &self.place {
            Place::Folder(folder) => format!("sqlite:{}", folder.path().join("ledger.db").display()),
            Place::Database(database) => database.url(),
        };
        LedgerUrl::parse(&url).unwrap()
    }

    /// The file, if it is in one.
    pub(super) fn path(&self) -> PathBuf {
        self.url().file().unwrap().to_owned()
    }

    /// The database, if it is in one of a server.
    pub(super) fn database(&self) -> &postgres::Database {
        match &self.place {
            Place::Database(database) => database,
            Place::Folder(folder) => panic!("it is in a file in {}", folder.path().display()),
        }
    }

    pub(super) async fn open(&self) -> Ledger {
        self.try_open().await.unwrap()
    }

    pub(super) async fn try_open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&self.url(), self.clock.clone()).await
    }

    pub(super) async fn open_existing(&self) -> Result<Ledger, LedgerError> {
        Ledger::open_existing(&self.url(), self.clock.clone()).await
    }

    pub(super) async fn open_to_read(&self) -> Result<Ledger, LedgerError> {
        Ledger::open_to_read(&self.url(), self.clock.clone()).await
    }

    pub(super) fn in_(&self, minutes: i64) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::minutes(minutes)
    }

    /// Runs a statement on the ledger beside the program that holds it.
    pub(super) async fn meddle(&self, sql: &str) {
        match &self.place {
            Place::Folder(_) => meddle(self.url().file().unwrap(), sql).await,
            Place::Database(database) => {
                database.psql(&format!("SET search_path TO persona_host; {sql}"));
            }
        }
    }

    /// The same, whatever foreign keys say.
    pub(super) async fn meddle_against_all_keys(&self, sql: &str) {
        let without = match &self.place {
            Place::Folder(_) => "PRAGMA foreign_keys = OFF",
            Place::Database(_) => "SET session_replication_role = replica",
        };
        self.meddle(&format!("{without}; {sql}")).await;
    }

    /// From now on it refuses rows: `before` what (`INSERT ON turns`), and all of them or those of which `when` holds.
    pub(super) async fn refuse(&self, before: &str, when: Option<&str>, how: Refusal) {
        if how == Refusal::Commit {
            self.meddle(
                "CREATE TABLE IF NOT EXISTS trap (x TEXT REFERENCES turns (id) DEFERRABLE INITIALLY DEFERRED)",
            )
            .await;
        }
        let act = match (&self.place, how) {
            (_, Refusal::Commit) => "INSERT INTO trap VALUES ('nobody')",
            (Place::Folder(_), Refusal::Statement) => "SELECT RAISE(ABORT, 'full')",
            (Place::Folder(_), Refusal::Transaction) => "SELECT RAISE(ROLLBACK, 'full')",
            (Place::Database(_), _) => "RAISE EXCEPTION 'full'",
        };
        self.trap(before, when, act).await;
    }

    /// From now on this is done before each such row.
    pub(super) async fn trap(&self, before: &str, when: Option<&str>, act: &str) {
        let when = when.map(|when| format!("WHEN ({when})")).unwrap_or_default();
        let sql = match &self.place {
            Place::Folder(_) => {
                format!("CREATE TRIGGER trapped BEFORE {before} {when} BEGIN {act}; END")
            }
            Place::Database(_) => format!(
                "CREATE FUNCTION trapped() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {act}; RETURN new; END $$;
                 CREATE TRIGGER trapped BEFORE {before} FOR EACH ROW {when} EXECUTE FUNCTION trapped()"
            ),
        };
        self.meddle(&sql).await;
    }

    /// From now on it refuses nothing.
    pub(super) async fn mend(&self) {
        self.meddle(match &self.place {
            Place::Folder(_) => "DROP TRIGGER trapped",
            Place::Database(_) => "DROP FUNCTION trapped CASCADE",
        })
        .await;
    }
}
