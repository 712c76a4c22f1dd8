//! Whether somebody else delivers for our personas: their last activity moves, and no turn of this ledger moved it.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::{Connection, Row, sql};
use super::row::{instant, readable};
use super::{Ledger, LedgerError};
use domain::ids::PersonaId;
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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
    /// The last activities of due personas, as far as they come after everything that this ledger has delivered for
    /// them, and were not noticed before. While nothing was delivered, it counts from the first turn that was begun. Of
    /// whom that cannot be read is left out.
    ///
    /// mana-auth stamps an activity before it acknowledges it: one that is later than the last
    /// acknowledgment is somebody else's, unless a delivery of ours is under way whose answer was lost.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn notice_foreign(
        &self,
        personas: &[Persona],
        seen: Seen,
    ) -> Result<Vec<ForeignActivity>, LedgerError> {
        let active = personas.iter().filter_map(|persona| {
            Some(Active { id: persona.id.clone(), email: persona.email.clone(), at: persona.last_active_at? })
        });
        let active: Vec<Active> = active.collect();
        let foreign = self.read(WHAT, move |connection| {
            let foreign = active.iter().map(|own| foreign_to(connection, own, seen));
            Ok(readable(WHAT, foreign)?.into_iter().flatten().collect::<Vec<_>>())
        });
        let mut noticed = Vec::new();
        for (id, foreign) in foreign.await? {
            let notice =
                sql("INSERT INTO foreign_activity (persona, email, last_active_at, ours, noticed_at)
                 VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(id.as_str())
                .bind(&foreign.persona)
                .bind(foreign.last_active_at.timestamp_millis())
                .bind(foreign.ours.timestamp_millis())
                .bind(self.now_ms());
            if self.run(WHAT, notice).await? > 0 {
                noticed.push(foreign);
            }
        }
        Ok(noticed)
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

/// Somebody who was active.
struct Active {
    id: PersonaId,
    email: String,
    at: DateTime<Utc>,
}

/// Their activity, if no turn of ours made it.
fn foreign_to(
    connection: &mut Connection<'_>,
    active: &Active,
    seen: Seen,
) -> Result<Option<(PersonaId, ForeignActivity)>, LedgerError> {
    let asked =
        sql("SELECT coalesce((SELECT at FROM acknowledged WHERE persona = ?1 ORDER BY number DESC LIMIT 1),
                (SELECT min(started_at) FROM turns WHERE persona = ?1)) AS ours,
             EXISTS (SELECT 1 FROM outbox JOIN turns ON turns.id = outbox.turn WHERE outbox.state = 'waiting'
                 AND (part = 'marker' OR part LIKE 'actions%') AND turns.persona = ?1) AS under_way");
    let row = connection.one(asked.bind(active.id.as_str()))?;
    let (ours, under_way) = (row.get::<Option<i64>>("ours")?, row.get::<bool>("under_way")?);
    let Some(ours) = ours.map(|ours| instant("at", ours)).transpose()? else { return Ok(None) };
    let by_our_clock = active.at - (seen.theirs - seen.ours);
    let is_foreign = !under_way && by_our_clock > ours + CLOCKS;
    let foreign = ForeignActivity { persona: active.email.clone(), last_active_at: active.at, ours };
    Ok(is_foreign.then(|| (active.id.clone(), foreign)))
}

fn foreign(row: &Row) -> Result<ForeignActivity, LedgerError> {
    let time = |column: &'static str| instant(column, row.get(column)?);
    Ok(ForeignActivity {
        persona: row.get("email")?,
        last_active_at: time("last_active_at")?,
        ours: time("ours")?,
    })
}
