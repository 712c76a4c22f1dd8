//! What can be known of a ledger without opening it to write: who has it, whether its file is whole, what waits.

use std::fs::{File, TryLockError};
use std::io;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::sql;
use super::file::lock_of;
use super::row::{instant, turn_id};
use super::url::Place;
use super::{Ledger, LedgerError, LedgerUrl};
use domain::ids::TurnId;

/// What has not left the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Undelivered {
    /// Deliveries that wait.
    pub waiting: u64,
    /// When the turn began whose delivery waits for longest.
    pub oldest: Option<DateTime<Utc>>,
    /// What mana-auth said last of one that waits.
    pub last_error: Option<String>,
    /// Deliveries that mana-auth takes never.
    pub refused: u64,
}

impl Ledger {
    /// Whether another process writes to a ledger's file; nothing of one on a server, which tells only who wants to
    /// write. No file is made and none is changed.
    ///
    /// # Errors
    /// When the lock beside it cannot be looked at.
    pub fn is_held(url: &LedgerUrl) -> io::Result<Option<bool>> {
        let Place::File(path) = &url.0 else { return Ok(None) };
        match File::open(lock_of(path)) {
            // It is let go at once: a daemon that starts at this moment waits for longer than that.
            Ok(lock) => match lock.try_lock() {
                Ok(()) => Ok(Some(false)),
                Err(TryLockError::WouldBlock) => Ok(Some(true)),
                Err(TryLockError::Error(cause)) => Err(cause),
            },
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Some(false))
            }
            Err(cause) => Err(cause),
        }
    }

    /// What is broken in the ledger's file, in SQLite's words; nothing if it is whole, or on a server. It reads all of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn damage(&self) -> Result<Option<String>, LedgerError> {
        if self.url().file().is_none() {
            return Ok(None);
        }
        let said = self.one("look whether it is whole", sql("PRAGMA quick_check(1)")).await?;
        let said: String = said.get("quick_check")?;
        Ok((said != "ok").then_some(said))
    }

    /// What has not left the ledger.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn undelivered(&self) -> Result<Undelivered, LedgerError> {
        let asked =
            sql("SELECT coalesce(sum(CASE WHEN outbox.state = 'waiting' THEN 1 ELSE 0 END), 0) AS waiting,
                 coalesce(sum(CASE WHEN outbox.state = 'refused' THEN 1 ELSE 0 END), 0) AS refused,
                 min(CASE WHEN outbox.state = 'waiting' THEN turns.started_at END) AS oldest,
                 max(CASE WHEN outbox.state = 'waiting' THEN last_error END) AS last_error
             FROM outbox JOIN turns ON turns.id = outbox.turn WHERE outbox.state != 'delivered'");
        let row = self.one("look what waits", asked).await?;
        let count = |column| Ok::<_, LedgerError>(u64::try_from(row.get::<i64>(column)?).unwrap_or_default());
        Ok(Undelivered {
            waiting: count("waiting")?,
            refused: count("refused")?,
            oldest: row.get::<Option<i64>>("oldest")?.map(|at| instant("started_at", at)).transpose()?,
            last_error: row.get("last_error")?,
        })
    }

    /// Whose the latest delivery is that mana-auth takes never, and what it said of it.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn latest_refused(&self) -> Result<Option<(TurnId, Option<String>)>, LedgerError> {
        let asked =
            sql("SELECT turn, last_error FROM outbox WHERE state = 'refused' ORDER BY seq DESC LIMIT 1");
        let row = self.row("look what was refused", asked).await?;
        row.map(|row| Ok((turn_id("turn", row.get("turn")?)?, row.get("last_error")?))).transpose()
    }
}
