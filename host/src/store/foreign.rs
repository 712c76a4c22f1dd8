//! Whether somebody else delivers for our personas: their last activity moves, and no turn of this ledger moved it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{instant, readable};
use super::{Ledger, LedgerError};
use domain::persona::Persona;

const WHAT: &str = "look for another runner";
/// The clocks of two machines agree no better.
const CLOCKS: TimeDelta = TimeDelta::seconds(10);

/// When mana-auth was asked who is due, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// By ours, before the question was sent.
    pub ours: DateTime<Utc>,
    /// By mana-auth's, in its answer.
    pub theirs: DateTime<Utc>,
}

/// An activity that no turn of this ledger made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignActivity {
    /// The persona's address.
    pub persona: String,
    /// When it was active last, by mana-auth's clock.
    pub last_active_at: DateTime<Utc>,
    /// When mana-auth last acknowledged a turn of this ledger, by our clock; if it never did, when this ledger began
    /// its first.
    pub ours: DateTime<Utc>,
}

impl Ledger {
    /// The last activity of a due persona, if it comes after everything that this ledger has delivered for it,
    /// and was not noticed before. While nothing was delivered, it counts from the first turn that was begun.
    ///
    /// mana-auth stamps an activity before it acknowledges it: one that is later than the last
    /// acknowledgment is somebody else's, unless a delivery of ours is under way whose answer was lost.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn notice_foreign(
        &self,
        persona: &Persona,
        seen: Seen,
    ) -> Result<Option<ForeignActivity>, LedgerError> {
        let Some(last_active_at) = persona.last_active_at else { return Ok(None) };
        let row = sqlx::query(
            "SELECT coalesce((SELECT at FROM acknowledged WHERE persona = ?1 ORDER BY number DESC LIMIT 1),
                    (SELECT min(started_at) FROM turns WHERE persona = ?1)) AS ours,
                 EXISTS (SELECT 1 FROM outbox JOIN turns ON turns.id = outbox.turn WHERE outbox.state = 'waiting'
                     AND (part = 'marker' OR part LIKE 'actions%') AND turns.persona = ?1) AS under_way",
        )
        .bind(persona.id.as_str())
        .fetch_one(&self.readers)
        .await
        .map_err(LedgerError::doing(WHAT))?;
        let ours: Option<i64> = row.try_get("ours").map_err(LedgerError::doing(WHAT))?;
        let under_way: bool = row.try_get("under_way").map_err(LedgerError::doing(WHAT))?;
        let Some(ours) = ours.map(|ours| instant("at", ours)).transpose()? else { return Ok(None) };
        let by_our_clock = last_active_at - (seen.theirs - seen.ours);
        if under_way || by_our_clock <= ours + CLOCKS {
            return Ok(None);
        }
        let notice = sqlx::query(
            "INSERT OR IGNORE INTO foreign_activity (persona, email, last_active_at, ours, noticed_at)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(persona.id.as_str())
        .bind(&persona.email)
        .bind(last_active_at.timestamp_millis())
        .bind(ours.timestamp_millis())
        .bind(self.now_ms());
        let noticed = self.execute(WHAT, notice).await?;
        let is_new = noticed.rows_affected() > 0;
        Ok(is_new.then(|| ForeignActivity { persona: persona.email.clone(), last_active_at, ours }))
    }

    /// The latest of these activities, by persona.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn foreign_activities(&self) -> Result<Vec<ForeignActivity>, LedgerError> {
        let rows = sqlx::query(
            "SELECT email, max(last_active_at) AS last_active_at, ours FROM foreign_activity
             GROUP BY email ORDER BY email",
        )
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(WHAT))?;
        readable(WHAT, rows.iter().map(foreign))
    }
}

fn foreign(row: &SqliteRow) -> Result<ForeignActivity, LedgerError> {
    let doing = LedgerError::doing(WHAT);
    let time = |column: &'static str| instant(column, row.try_get(column).map_err(&doing)?);
    Ok(ForeignActivity {
        persona: row.try_get("email").map_err(&doing)?,
        last_active_at: time("last_active_at")?,
        ours: time("ours")?,
    })
}
