//! Turns that were begun and are not over: who plays, who is held and until when, and who waits for somebody.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::database::{Row, sql};
use super::row::{instant, readable, whole};
use super::standing::{OUTCOME, PAUSED_SINCE};
use super::{Ledger, LedgerError};
use domain::state::State;

const WHAT: &str = "look which turns are open";

/// What ends a pause.
pub const RESUME: &str = "`persona-host resume` ends a pause; with --persona EMAIL that of one persona";

/// Of a row of turns: its question was asked, and is kept with all that it takes to go on from there.
pub(super) const IS_ASKED: &str = "(EXISTS (SELECT 1 FROM contexts WHERE contexts.turn = turns.id AND definitions IS NOT NULL)
    AND EXISTS (SELECT 1 FROM steps WHERE steps.turn = turns.id AND key = 'main/opening' AND result != 'null'))";

/// What a turn does that is open and does not run, once nothing keeps it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Then {
    /// It goes on from its last known step, whoever is due.
    GoesOn,
    /// It has not come to its question: it begins anew when its persona is due for it, and is closed when the next turn
    /// of its persona begins.
    BeginsAnew,
}

impl Then {
    /// Of a turn whose question was asked, or was not.
    pub(super) fn of(is_asked: bool) -> Self {
        if is_asked { Self::GoesOn } else { Self::BeginsAnew }
    }

    /// In words, of a turn that nothing keeps back.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::GoesOn => "goes on from its last known step at the next tick",
            Self::BeginsAnew => "begins anew at the next tick at which its persona is due for it",
        }
    }
}

/// A turn that was begun and is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenTurn {
    /// The persona's address.
    #[serde(skip)]
    pub persona: String,
    /// The turn's id.
    pub turn: String,
    /// The word for how it stands.
    pub state: State,
    /// How it stands.
    #[serde(flatten)]
    pub open: Open,
    /// Since when its persona is paused, or everybody: it goes on after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_since: Option<DateTime<Utc>>,
    /// What lets it go on before its time, or at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How an open turn stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Open {
    /// It is under way.
    Running {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// A hold keeps it back.
    Held {
        /// The end of the hold, which may be over.
        until: DateTime<Utc>,
        /// What it does then.
        then: Then,
        /// How often it was begun, without those times that an orderly stop ended.
        attempts: u32,
        /// Why its last attempt ended.
        why: String,
    },
    /// Nothing failed, and nothing in the ledger keeps it back: it goes on when what stopped it is over.
    Stopped {
        /// What it does then.
        then: Then,
        /// What ended its last attempt.
        why: String,
    },
    /// It goes on when somebody says so.
    Parked {
        /// Since when.
        since: DateTime<Utc>,
        /// Why its last attempt ended.
        why: String,
    },
}

impl Open {
    /// The word for it, of a persona that is paused or is not.
    #[must_use]
    pub fn state(&self, is_paused: bool) -> State {
        match self {
            Self::Running { .. } => State::Running,
            Self::Parked { .. } => State::Parked,
            Self::Held { .. } | Self::Stopped { .. } if is_paused => State::Paused,
            Self::Held { .. } => State::Held,
            Self::Stopped { .. } => State::Stopped,
        }
    }
}

impl Ledger {
    /// The turns that are open, by persona, the oldest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn open_turns(&self) -> Result<Vec<OpenTurn>, LedgerError> {
        // An index knows each of the three, and none knows all.
        let asked = sql(format!(
            "SELECT id, email, {OUTCOME} AS outcome, {PAUSED_SINCE} AS paused_since, attempt - uncounted AS counted, held_until, parked_at, started_at, ended_at,
                 coalesce(fault_message, skip_reason, '') AS why, {IS_ASKED} AS is_asked
             FROM (SELECT id AS wanted FROM turns WHERE state = 'running'
                 UNION SELECT id FROM turns WHERE held_until IS NOT NULL
                 UNION SELECT id FROM turns WHERE parked_at IS NOT NULL) AS open
             CROSS JOIN turns WHERE id = wanted ORDER BY email, started_at"
        ));
        readable(WHAT, self.rows(WHAT, asked).await?.iter().map(read))
    }
}

fn read(row: &Row) -> Result<OpenTurn, LedgerError> {
    let text = |column| row.get::<String>(column);
    let number = |column| row.get::<Option<i64>>(column);
    let (persona, turn, outcome, why) = (text("email")?, text("id")?, text("outcome")?, text("why")?);
    let started_at: i64 = row.get("started_at")?;
    let (open, hint) = match (number("held_until")?, number("parked_at")?) {
        _ if outcome == State::Running.name() => {
            (Open::Running { since: instant("started_at", started_at)? }, None)
        }
        (Some(until), _) if outcome == State::Stopped.name() && Some(until) <= number("ended_at")? => {
            (Open::Stopped { then: Then::of(row.get("is_asked")?), why }, None)
        }
        (Some(until), _) => {
            let until = instant("held_until", until)?;
            let attempts = whole("attempt", row.get("counted")?)?;
            let hint = (outcome == State::Faulted.name()).then(|| {
                format!("once the cause is mended, `persona-host personas release {persona}` lifts the hold")
            });
            (Open::Held { until, then: Then::of(row.get("is_asked")?), attempts, why }, hint)
        }
        (None, parked_at) => {
            let since = instant("parked_at", parked_at.unwrap_or(started_at))?;
            (Open::Parked { since, why }, Some(format!("`persona-host turns resume {turn}` lets it go on")))
        }
    };
    let paused_since = match &open {
        Open::Running { .. } | Open::Parked { .. } => None,
        Open::Held { .. } | Open::Stopped { .. } => {
            number("paused_since")?.map(|since| instant("since", since)).transpose()?
        }
    };
    let hint = match paused_since {
        Some(_) => Some(RESUME.to_owned()),
        None => hint,
    };
    let state = open.state(paused_since.is_some());
    Ok(OpenTurn { persona, turn, state, open, paused_since, hint })
}
