//! Whether somebody else delivers for our personas: their last activity moves, and no turn of this ledger moved it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::database::{Row, sql};
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
        let asked = sql(
            "SELECT coalesce((SELECT at FROM acknowledged WHERE persona = ?1 ORDER BY number DESC LIMIT 1),
                    (SELECT min(started_at) FROM turns WHERE persona = ?1)) AS ours,
                 EXISTS (SELECT 1 FROM outbox JOIN turns ON turns.id = outbox.turn WHERE outbox.state = 'waiting'
                     AND (part = 'marker' OR part LIKE 'actions%') AND turns.persona = ?1) AS under_way",
        )
        .bind(persona.id.as_str());
        let row = self.one(WHAT, asked).await?;
        let (ours, under_way) = (row.get::<Option<i64>>("ours")?, row.get::<bool>("under_way")?);
        let Some(ours) = ours.map(|ours| instant("at", ours)).transpose()? else { return Ok(None) };
        let by_our_clock = last_active_at - (seen.theirs - seen.ours);
        if under_way || by_our_clock <= ours + CLOCKS {
            return Ok(None);
        }
        let notice = sql("INSERT INTO foreign_activity (persona, email, last_active_at, ours, noticed_at)
             VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(persona.id.as_str())
        .bind(&persona.email)
        .bind(last_active_at.timestamp_millis())
        .bind(ours.timestamp_millis())
        .bind(self.now_ms());
        let is_new = self.run(WHAT, notice).await? > 0;
        Ok(is_new.then(|| ForeignActivity { persona: persona.email.clone(), last_active_at, ours }))
    }

    /// The latest of these activities, by persona.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn foreign_activities(&self) -> Result<Vec<ForeignActivity>, LedgerError> {
        let latest = sql("SELECT email, last_active_at, ours FROM foreign_activity AS seen
             WHERE NOT EXISTS (SELECT 1 FROM foreign_activity AS later
                 WHERE later.email = seen.email AND later.last_active_at > seen.last_active_at)
             ORDER BY email");
        let rows = self.rows(WHAT, latest).await?;
        readable(WHAT, rows.iter().map(foreign))
    }
}

fn foreign(row: &Row) -> Result<ForeignActivity, LedgerError> {
    let time = |column: &'static str| instant(column, row.get(column)?);
    Ok(ForeignActivity {
        persona: row.get("email")?,
        last_active_at: time("last_active_at")?,
        ours: time("ours")?,
    })
}
