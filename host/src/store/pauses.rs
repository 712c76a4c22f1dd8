//! Who is paused. It outlasts the program: what somebody stopped does not begin again by itself.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::{Row, sql};
use super::row::instant;
use super::{Ledger, LedgerError};

/// The row of a pause that holds for everybody; no address is empty.
const EVERYBODY: &str = "";

/// A pause, of everybody or of one persona.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paused {
    /// Since when.
    pub since: DateTime<Utc>,
    /// How it was asked for: `command`, `http` or `signal`; nothing if an older version kept it.
    pub by: Option<String>,
    /// Why, in the words of who asked.
    pub reason: Option<String>,
}

/// Who is paused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// Everybody.
    pub everybody: Option<Paused>,
    /// Single personas, by address.
    pub personas: BTreeMap<String, Paused>,
}

impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "paused since {}", self.since.format("%Y-%m-%d %H:%M:%S UTC"))?;
        match (&self.reason, &self.by) {
            (Some(reason), _) => write!(f, " ({reason})"),
            (None, Some(by)) => write!(f, " (by {by})"),
            (None, None) => Ok(()),
        }
    }
}

impl Pauses {
    /// Who is paused, and what ends that: a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let all = self.everybody.iter();
        let all = all.map(|paused| format!("all personas are {paused}: `persona-host resume` goes on"));
        let own = self.personas.iter().map(|(email, paused)| {
            format!("{email} is {paused}: `persona-host resume --persona {email}` goes on")
        });
        all.chain(own).collect()
    }
}

impl Ledger {
    /// Who is paused.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn pauses(&self) -> Result<Pauses, LedgerError> {
        let mut pauses = Pauses::default();
        for row in self.rows("read who is paused", sql("SELECT * FROM pauses")).await? {
            match row.get::<String>("email")? {
                email if email == EVERYBODY => pauses.everybody = Some(paused(&row)?),
                email => drop(pauses.personas.insert(email, paused(&row)?)),
            }
        }
        Ok(pauses)
    }

    /// Pauses a persona, or everybody. Who is paused already stays so since then.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn pause(&self, email: Option<&str>, paused: &Paused) -> Result<(), LedgerError> {
        let paused = sql(
            "INSERT INTO pauses (email, since, asked_by, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(email.unwrap_or(EVERYBODY))
        .bind(paused.since.timestamp_millis())
        .bind(paused.by.as_deref())
        .bind(paused.reason.as_deref());
        self.run("pause", paused).await.map(drop)
    }

    /// Ends the pause of a persona, or the one of everybody, which is none of a single persona's.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn resume(&self, email: Option<&str>) -> Result<(), LedgerError> {
        let resumed = sql("DELETE FROM pauses WHERE email = ?").bind(email.unwrap_or(EVERYBODY));
        self.run("end a pause", resumed).await.map(drop)
    }
}

fn paused(row: &Row) -> Result<Paused, LedgerError> {
    let since = instant("since", row.get("since")?)?;
    Ok(Paused { since, by: row.get("asked_by")?, reason: row.get("reason")? })
}
