//! Which turn a due entry asks for, and whether it may begin. mana-auth's list may be older than what it has
//! acknowledged since, and its rows may be older than what it has ever acknowledged.

use chrono::{DateTime, TimeDelta, Utc};

use super::database::{Connection, Row, sql};
use super::hold::CLOCKS;
use super::row::{instant, turn_id, whole};
use super::{Ledger, LedgerError};
use domain::ids::{LedgerId, PersonaId, Slot, TurnId};
use domain::persona::Persona;

const WHAT: &str = "look up whose turn it is";

const TIMES: &str =
    "SELECT id, slot, state, attempt - uncounted AS counted, held_until, parked_at, started_at, ended_at,
         coalesce(fault_message, skip_reason, '') AS why,
         (SELECT number FROM acknowledged WHERE acknowledged.turn = turns.id) AS acknowledged,
         (SELECT coalesce(last_error, '') FROM outbox WHERE outbox.turn = turns.id
            AND (part = 'marker' OR part LIKE 'actions%') ORDER BY seq DESC LIMIT 1) AS last_error,
         (SELECT state FROM outbox WHERE outbox.turn = turns.id
            AND (part = 'marker' OR part LIKE 'actions%') ORDER BY seq DESC LIMIT 1) AS delivery,
         EXISTS (SELECT 1 FROM releases WHERE releases.email = turns.email AND at > started_at) AS is_released
     FROM turns WHERE persona = ?1 AND (slot = ?2 OR substr(slot, 1, length(?3)) = ?3)
     ORDER BY length(slot), slot";

/// How far mana-auth had acknowledged turns at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged(i64);

/// How a due entry stands with us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Nothing speaks against this turn.
    Open {
        /// Its id.
        turn: TurnId,
        /// What it is for.
        slot: Slot,
    },
    /// Its turn is running.
    Running,
    /// Its turn is over and kept; mana-auth does not know it, or did not when it was asked.
    Unacknowledged,
    /// Its turn is over, and mana-auth will not take what it was told of it.
    Refused {
        /// What it said.
        why: String,
    },
    /// Its turn ended before anything was kept, and is held back until then.
    Held {
        /// Until when.
        until: DateTime<Utc>,
        /// How often it was begun, without those times that an orderly stop ended.
        attempts: u32,
        /// Why it ended.
        why: String,
        /// It ended in a fault; otherwise its plugin let it out.
        faulted: bool,
    },
    /// Its turn was tried often enough, and nothing of it is on its way to mana-auth: it waits for somebody.
    Parked {
        /// Which turn.
        turn: TurnId,
        /// Why its last attempt ended.
        why: String,
    },
    /// Its turns are over and mana-auth has acknowledged each of them, and has forgotten each of them.
    Forgotten {
        /// How many turns it had by now.
        turns: u32,
        /// When its cadence allows another.
        until: DateTime<Utc>,
    },
}

impl Ledger {
    /// How far mana-auth has acknowledged turns: to be asked before mana-auth is asked who is due.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn acknowledged(&self) -> Result<Acknowledged, LedgerError> {
        let asked = sql("SELECT coalesce(max(number), 0) AS number FROM acknowledged");
        Ok(Acknowledged(self.one(WHAT, asked).await?.get("number")?))
    }

    /// The turn that this entry of the due list asks for.
    ///
    /// An entry stands for the same turn until mana-auth has acknowledged that turn and, asked afterwards,
    /// still offers the entry: its rows are those of an earlier day then, and the persona plays again. Should
    /// it forget that turn too, the persona plays no more often than its cadence says, because a mana-auth
    /// that remembers nothing would let it be paid for at each tick.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn occasion(&self, persona: &Persona, known: Acknowledged) -> Result<Occasion, LedgerError> {
        let (persona, now) = (persona.clone(), self.clock.now());
        self.read(WHAT, move |connection| occasion(connection, &persona, known, now)).await
    }

    /// The id of a turn in this ledger. A turn that has begun keeps the one that it has.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn turn_of(&self, persona: &PersonaId, slot: &Slot) -> Result<TurnId, LedgerError> {
        let (persona, slot) = (persona.clone(), slot.clone());
        self.read(WHAT, move |connection| turn_of(connection, &persona, &slot)).await
    }
}

fn occasion(
    connection: &mut Connection<'_>,
    persona: &Persona,
    known: Acknowledged,
    now: DateTime<Utc>,
) -> Result<Occasion, LedgerError> {
    let times = times_of(connection, persona)?;
    let slot = |count| persona.slot().again(count);
    let Some(latest) = times.last() else { return begins(connection, persona, slot(1)) };
    let was_set_back = latest.ended_at - now > TimeDelta::milliseconds(CLOCKS);
    let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
    Ok(match latest {
        Time { state: State::Running, .. } => Occasion::Running,
        Time { state: State::Held { until, .. }, .. } if *until <= now || was_set_back => {
            Occasion::Open { turn: latest.turn, slot: latest.slot.clone() }
        }
        Time { state: State::Held { until, faulted }, attempts, why, .. } => {
            Occasion::Held { until: *until, attempts: *attempts, why: why.clone(), faulted: *faulted }
        }
        Time { state: State::Parked, turn, why, .. } => Occasion::Parked { turn: *turn, why: why.clone() },
        Time { state: State::Over, acknowledged: Some(number), .. } if *number <= known.0 => {
            let until = latest.ended_at + persona.cadence.period();
            let may_play = count == 1 || until <= now || latest.is_released;
            if may_play {
                return begins(connection, persona, slot(count + 1));
            }
            Occasion::Forgotten { turns: count, until }
        }
        // Somebody else moved the entry and somebody has moved it back: nothing was paid for, and nothing is told.
        Time { state: State::Overtaken, .. } => return begins(connection, persona, slot(count + 1)),
        Time { state: State::Over, acknowledged: None, refused: Some(why), .. } => {
            Occasion::Refused { why: why.clone() }
        }
        Time { state: State::Over, .. } => Occasion::Unacknowledged,
    })
}

fn turn_of(connection: &mut Connection<'_>, persona: &PersonaId, slot: &Slot) -> Result<TurnId, LedgerError> {
    let asked = sql(
        "SELECT identity.id AS ledger, (SELECT id FROM turns WHERE persona = ? AND slot = ?) AS turn FROM identity",
    );
    let row = connection.one(asked.bind(persona.as_str()).bind(slot.as_str()))?;
    match row.get::<Option<String>>("turn")? {
        Some(id) => turn_id("id", id),
        None => Ok(TurnId::of(persona, slot).in_ledger(&LedgerId::new(row.get::<String>("ledger")?))),
    }
}

fn begins(connection: &mut Connection<'_>, persona: &Persona, slot: Slot) -> Result<Occasion, LedgerError> {
    Ok(Occasion::Open { turn: turn_of(connection, &persona.id, &slot)?, slot })
}

/// Every time that the entry's occasion was played, in order.
fn times_of(connection: &mut Connection<'_>, persona: &Persona) -> Result<Vec<Time>, LedgerError> {
    let slot = persona.slot();
    let asked = sql(TIMES).bind(persona.id.as_str()).bind(slot.as_str()).bind(slot.beginning_of_further());
    connection.rows(asked)?.iter().map(|row| time(row, &slot)).collect()
}

/// One turn of an occasion.
struct Time {
    turn: TurnId,
    slot: Slot,
    state: State,
    attempts: u32,
    why: String,
    ended_at: DateTime<Utc>,
    acknowledged: Option<i64>,
    refused: Option<String>,
    is_released: bool,
}

enum State {
    Running,
    Over,
    /// Closed before its question was asked, when its persona's next turn began.
    Overtaken,
    Parked,
    Held {
        until: DateTime<Utc>,
        faulted: bool,
    },
}

fn time(row: &Row, occasion: &Slot) -> Result<Time, LedgerError> {
    let maybe = |column| row.get::<Option<i64>>(column);
    let number = row
        .get::<String>("slot")?
        .strip_prefix(&occasion.beginning_of_further())
        .map_or(Ok(1), |number| {
            number.parse().map_err(|_| LedgerError::Row { column: "slot", value: number.to_owned() })
        })?;
    let (delivery, acknowledged): (Option<String>, _) = (row.get("delivery")?, maybe("acknowledged")?);
    let is_parked = maybe("parked_at")?.is_some();
    let word: String = row.get("state")?;
    let state = match (word.as_str(), maybe("held_until")?) {
        ("running", _) => State::Running,
        // What it did is delivered like that of any other turn, and moves the persona's last activity.
        (_, None) if is_parked && delivery.is_none() => State::Parked,
        ("faulted" | "skipped", None) if !is_parked && delivery.is_none() && acknowledged.is_none() => {
            State::Overtaken
        }
        (_, None) => State::Over,
        (state, Some(until)) => {
            State::Held { until: instant("held_until", until)?, faulted: state == "faulted" }
        }
    };
    let last_error: Option<String> = row.get("last_error")?;
    let started_at: i64 = row.get("started_at")?;
    Ok(Time {
        turn: turn_id("id", row.get("id")?)?,
        slot: occasion.clone().again(number),
        state,
        attempts: whole("attempt", row.get("counted")?)?,
        why: row.get("why")?,
        ended_at: instant("ended_at", maybe("ended_at")?.unwrap_or(started_at))?,
        acknowledged,
        refused: last_error.filter(|_| delivery.as_deref() == Some("refused")),
        is_released: row.get("is_released")?,
    })
}
