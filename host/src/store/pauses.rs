//! Who is paused. It outlasts the program: what somebody stopped does not begin again by itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::database::sql;
use super::row::instant;
use super::{Ledger, LedgerError};

/// The row of a pause that holds for everybody; no address is empty.
const EVERYBODY: &str = "";

/// Who is paused, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// Everybody.
    pub everybody: Option<DateTime<Utc>>,
    /// Single personas, by address.
    pub personas: BTreeMap<String, DateTime<Utc>>,
}

impl Ledger {
    /// Who is paused.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn pauses(&self) -> Result<Pauses, LedgerError> {
        let mut pauses = Pauses::default();
        for row in self.rows("read who is paused", sql("SELECT email, since FROM pauses")).await? {
            let since = instant("since", row.get("since")?)?;
            match row.get::<String>("email")? {
                email if email == EVERYBODY => pauses.everybody = Some(since),
                email => drop(pauses.personas.insert(email, since)),
            }
        }
        Ok(pauses)
    }

    /// Pauses a persona, or everybody. Who is paused already stays so since then.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn pause(&self, email: Option<&str>) -> Result<(), LedgerError> {
        let paused = sql("INSERT INTO pauses (email, since) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(email.unwrap_or(EVERYBODY))
            .bind(self.now_ms());
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
