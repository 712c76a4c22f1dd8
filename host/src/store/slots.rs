//! What the host's own schedule has to know of the ledger: who there is, whose turn is open, and whether a slot has had
//! its turn.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::database::{Row, sql};
use super::hold::CLOCKS;
use super::row::{instant, json, readable, turn_id, whole};
use super::{Ledger, LedgerError};
use domain::ids::{PersonaId, Slot, TurnId};
use domain::persona::Persona;
use schedule::{Moment, Record};

const ROSTER: &str = "read who has played";
const OPEN: &str = "look which turns are open";
const RECORD: &str = "look up a slot";

/// A persona as it was when its last turn was begun.
#[derive(Clone, Debug)]
pub struct Resident {
    /// Who.
    pub persona: Persona,
    /// When that turn was begun.
    pub served: DateTime<Utc>,
}

/// A turn that was begun, has not come to its end, and does not run: it is held until it goes on.
#[derive(Clone, Debug)]
pub struct HeldTurn {
    /// Which.
    pub turn: TurnId,
    /// Whose.
    pub persona: PersonaId,
    /// Its address.
    pub email: String,
    /// For which occasion.
    pub slot: Slot,
    /// The end of its hold.
    pub until: DateTime<Utc>,
    /// How often it was begun, without those times that an orderly stop ended.
    pub attempts: u32,
    /// Why its last attempt ended.
    pub why: String,
    /// It ended in a fault; otherwise its plugin let it out.
    pub faulted: bool,
}

impl Ledger {
    /// Everybody who has had a turn that came as far as its question.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn residents(&self) -> Result<Vec<Resident>, LedgerError> {
        let asked = sql(
            "SELECT contexts.persona, latest.started_at FROM (
                 SELECT id, started_at, row_number() OVER (PARTITION BY persona ORDER BY started_at DESC, id) AS place
                 FROM turns WHERE EXISTS (SELECT 1 FROM contexts WHERE contexts.turn = turns.id)) AS latest
             JOIN contexts ON contexts.turn = latest.id WHERE latest.place = 1 ORDER BY latest.id",
        );
        readable(ROSTER, self.rows(ROSTER, asked).await?.iter().map(resident))
    }

    /// The addresses of everybody who has had a turn, or is paused.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn emails(&self) -> Result<BTreeSet<String>, LedgerError> {
        let asked = sql("SELECT email FROM turns UNION SELECT email FROM pauses WHERE email <> ''");
        self.rows(ROSTER, asked).await?.iter().map(|row| row.get("email")).collect()
    }

    /// The turns that are open, those of experiments that are run at once left out; whose hold ends first comes first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn held_turns(&self) -> Result<Vec<HeldTurn>, LedgerError> {
        let asked = sql(
            "SELECT id, persona, email, slot, state, held_until, ended_at, attempt - uncounted AS counted,
                 coalesce(fault_message, skip_reason, '') AS why
             FROM turns WHERE held_until IS NOT NULL AND state IN ('faulted', 'skipped') ORDER BY held_until, id",
        );
        let now = self.now_ms();
        let mut turns = readable(OPEN, self.rows(OPEN, asked).await?.iter().map(|row| held_turn(row, now)))?;
        turns.retain(|own| !own.slot.is_of_an_arm());
        Ok(turns)
    }

    /// What is known of a slot of a persona. Turns that are said to end in the future are not counted: the clock was set
    /// back since.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn record_of(&self, persona: &PersonaId, moment: Moment) -> Result<Record, LedgerError> {
        let asked = sql(
            "SELECT EXISTS (SELECT 1 FROM turns WHERE persona = ?1 AND slot = ?2) AS begun,
                 EXISTS (SELECT 1 FROM turns WHERE persona = ?1 AND slot <> ?2 AND slot NOT LIKE 'experiment %'
                     AND ended_at > ?3 AND ended_at <= ?4) AS played_since",
        )
        .bind(persona.as_str())
        .bind(moment.slot().as_str())
        .bind(moment.at.timestamp_millis())
        .bind(self.now_ms());
        let row = self.one(RECORD, asked).await?;
        Ok(Record { begun: row.get("begun")?, played_since: row.get("played_since")? })
    }
}

fn resident(row: &Row) -> Result<Resident, LedgerError> {
    let persona: String = row.get("persona")?;
    Ok(Resident {
        persona: json("persona", &persona)?,
        served: instant("started_at", row.get("started_at")?)?,
    })
}

fn held_turn(row: &Row, now: i64) -> Result<HeldTurn, LedgerError> {
    let was_set_back = row.get::<Option<i64>>("ended_at")? > Some(now.saturating_add(CLOCKS));
    let until = if was_set_back { now } else { row.get("held_until")? };
    let text = |column| row.get::<String>(column);
    Ok(HeldTurn {
        turn: turn_id("id", text("id")?)?,
        persona: PersonaId::new(text("persona")?),
        email: text("email")?,
        slot: Slot::written(text("slot")?),
        until: instant("held_until", until)?,
        attempts: whole("attempt", row.get("counted")?)?,
        why: text("why")?,
        faulted: text("state")? == "faulted",
    })
}
