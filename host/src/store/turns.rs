//! The life of a turn in the ledger: begun, pinned, kept, ended.

use serde_json::Value;

use super::added_up::{begun_anew, served_by};
use super::database::{About, Statement, sql};
use super::ended::{end, keep};
use super::hold::CLOCKS;
use super::open_turns::IS_ASKED;
use super::outbox::enqueue;
use super::row::whole;
use super::{Ledger, LedgerError};
use domain::behavior::TurnOutcome;
use domain::delivery::{Delivery, FeedbackRow, Rows};
use domain::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, Slot, StrategyName, TurnId};
use domain::persona::Persona;
use domain::plugin::ServedAs;
use domain::rating::Rating;
use domain::turn_end::TurnEnd;

/// How a due entry stands with us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against its turn.
    Free,
    /// Its turn is running.
    Running,
    /// Its turn is over and kept; mana-auth does not know it yet.
    Over,
    /// Its turn ended in a fault (or was skipped), and is kept back for a while.
    Held,
}

/// Asks to begin a turn.
#[derive(Clone, Copy, Debug)]
pub struct Begin<'a> {
    /// Which.
    pub turn: TurnId,
    /// Whose.
    pub persona: &'a Persona,
    /// For which occasion.
    pub slot: &'a Slot,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It runs now, for the n-th time (from 1).
    Attempt(u32),
    /// It runs already, is over or is held; or another turn of the persona runs.
    Refused,
}

/// What serves a turn; every row that it leaves can be traced to this.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The strategy.
    pub strategy: StrategyName,
    /// Its settings.
    pub settings: Value,
    /// Their digest.
    pub settings_hash: Sha256Hex,
    /// The plugin.
    pub plugin: PluginName,
    /// The plugin's own version.
    pub plugin_version: String,
    /// Which loaded build of it.
    pub generation: GenerationNumber,
    /// The digest of the component.
    pub plugin_sha256: Sha256Hex,
    /// In what capacity it serves.
    pub served_as: ServedAs,
    /// The model that is asked.
    pub model: String,
}

/// Everything that ends a turn well, written in one transaction.
#[derive(Clone, Debug)]
pub struct KeptRatings<'a> {
    /// Whose.
    pub persona: &'a PersonaId,
    /// One for each module that could be read, and markers.
    pub ratings: &'a [Rating],
    /// The same as they go on the wire.
    pub requests: Vec<Vec<FeedbackRow>>,
    /// What the plugin wants to remember.
    pub memory: Option<(&'a StrategyName, &'a Value)>,
}

impl Ledger {
    /// How a due entry stands with us.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn standing(&self, turn: TurnId) -> Result<Standing, LedgerError> {
        const WHAT: &str = "look up a turn";
        let row = self
            .row(WHAT, sql("SELECT state, held_until, ended_at FROM turns WHERE id = ?").bind(turn))
            .await?;
        let Some(row) = row else { return Ok(Standing::Free) };
        let (state, held_until): (String, Option<i64>) = (row.get("state")?, row.get("held_until")?);
        let was_set_back = row.get::<Option<i64>>("ended_at")? > Some(self.now_ms().saturating_add(CLOCKS));
        Ok(match (state.as_str(), held_until) {
            ("running", _) => Standing::Running,
            (_, None) => Standing::Over,
            (_, Some(until)) if until <= self.now_ms() || was_set_back => Standing::Free,
            (_, Some(_)) => Standing::Held,
        })
    }

    /// Begins a turn, or goes on with it when its hold is over. Of two that ask at once one is refused, and so is a
    /// persona of whom another turn runs. What its persona left behind without a question is closed with it.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn begin(&self, begin: Begin<'_>) -> Result<Begun, LedgerError> {
        let Begin { turn, persona, slot } = begin;
        let now = self.now_ms();
        let begun = sql(
            "INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, started_at)
             SELECT ?1, ?2, ?3, ?4, ?5, 'running', 1, ?6
             WHERE NOT EXISTS (SELECT 1 FROM turns WHERE persona = ?2 AND state = 'running')
             ON CONFLICT (id) DO UPDATE
             SET state = 'running', attempt = turns.attempt + 1, started_at = excluded.started_at, ended_at = NULL,
                 held_until = NULL, skip_reason = NULL,
                 fault_stage = NULL, fault_code = NULL, fault_message = NULL, fault_hint = NULL
             WHERE turns.state IN ('faulted', 'skipped')
                 AND (turns.held_until <= ?6 OR turns.held_until IS NOT NULL AND turns.ended_at > ?7)",
        )
        .bind(turn)
        .bind(persona.id.as_str())
        .bind(&persona.email)
        .bind(&persona.archetype)
        .bind(slot.as_str())
        .bind(now)
        .bind(now.saturating_add(CLOCKS));
        let (overtaken, is_of_an_arm) = (overtaken(turn, persona), slot.is_of_an_arm());
        self.writer
            .write("begin a turn", About::Day(turn), move |connection| {
                if connection.run(begun.clone())? == 0 {
                    return Ok(Begun::Refused);
                }
                let attempt: i64 = connection
                    .one(sql("SELECT attempt FROM turns WHERE id = ?").bind(turn))?
                    .get("attempt")?;
                let noted = sql("INSERT INTO attempts (turn, number, begun_at) VALUES (?, ?, ?)");
                connection.run(noted.bind(turn).bind(attempt).bind(now))?;
                if attempt > 1 {
                    begun_anew(turn, now).into_iter().try_for_each(|own| connection.run(own).map(drop))?;
                }
                if attempt == 1 && !is_of_an_arm {
                    connection.run(overtaken.clone())?;
                }
                Ok(Begun::Attempt(whole("attempt", attempt)?))
            })
            .await
    }

    /// Writes down what serves the turn. It is written with the next write, or in a moment.
    pub fn pin(&self, turn: TurnId, pin: &Pin) {
        let pinned = sql(
            "UPDATE turns SET strategy = ?, settings = ?, settings_hash = ?, plugin = ?, plugin_version = ?,
                 generation = ?, plugin_sha256 = ?, served_as = ?, model = ? WHERE id = ?",
        )
        .bind(pin.strategy.as_str())
        .bind(pin.settings.to_string())
        .bind(pin.settings_hash.as_str())
        .bind(pin.plugin.as_str())
        .bind(pin.plugin_version.as_str())
        .bind(i64::try_from(pin.generation.0).unwrap_or(i64::MAX))
        .bind(pin.plugin_sha256.as_str())
        .bind(pin.served_as.name())
        .bind(pin.model.as_str())
        .bind(turn);
        self.writer.put_off(turn, [pinned].into_iter().chain(served_by(turn, &pin.strategy)).collect());
    }

    /// Keeps what came of the main phase together with its delivery: both or neither. Gives the number of
    /// actions.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_actions(&self, turn: TurnId, outcome: &TurnOutcome) -> Result<usize, LedgerError> {
        let (outcome, now) = (outcome.clone(), self.clock.now());
        self.writer
            .write("keep a turn's actions", About::Day(turn), move |connection| {
                keep(connection, turn, &outcome, now)
            })
            .await
    }

    /// Keeps the ratings, their deliveries and the memory, and ends the turn: all or nothing.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_ratings(&self, turn: TurnId, kept: KeptRatings<'_>) -> Result<(), LedgerError> {
        let now = self.clock.now();
        let ratings = kept.ratings.iter().map(|rating| {
            sql("INSERT INTO ratings (turn, module, score, notes) VALUES (?, ?, ?, ?)")
                .bind(turn)
                .bind(&rating.module)
                .bind(i64::from(rating.score.get()))
                .bind(rating.notes.as_deref())
        });
        let deliveries = (1..).zip(kept.requests).map(|(number, rows)| {
            let delivery = Delivery { persona: kept.persona.clone(), rows: Rows::Feedback(rows) };
            enqueue(turn, &format!("feedback-{number}"), &delivery, now.timestamp_millis())
        });
        let memory = kept.memory.map(|(strategy, memory)| {
            sql("INSERT INTO memories (persona, strategy, memory, turn) VALUES (?, ?, ?, ?)
                 ON CONFLICT (persona, strategy) DO UPDATE SET memory = excluded.memory, turn = excluded.turn")
            .bind(kept.persona.as_str())
            .bind(strategy.as_str())
            .bind(memory.to_string())
            .bind(turn)
        });
        let all: Vec<_> = ratings.chain(deliveries).chain(memory).collect();
        self.writer
            .write("keep a turn's ratings", About::End(turn), move |connection| {
                for statement in &all {
                    connection.run(statement.clone())?;
                }
                end(connection, turn, &TurnEnd::Completed, now).map(drop)
            })
            .await
    }
}

/// Closes the turns of a persona that never came to their question and that its next turn overtakes: nobody will ask for
/// them again, because the due entry that they were for has changed. Those of an experiment are the experiment's to play.
fn overtaken(by: TurnId, persona: &Persona) -> Statement {
    let why = format!(
        "closed before it came to its question: the next turn of its persona, {by}, has begun. Its last attempt ended so: "
    );
    sql(format!(
        "UPDATE turns SET held_until = NULL,
             fault_message = CASE WHEN fault_message IS NULL THEN NULL ELSE ?3 || fault_message END,
             skip_reason = CASE WHEN skip_reason IS NULL THEN NULL ELSE ?3 || skip_reason END,
             fault_hint = NULL
         WHERE persona = ?1 AND id <> ?2 AND held_until IS NOT NULL AND state IN ('faulted', 'skipped')
             AND slot NOT LIKE 'experiment %' AND NOT (state = 'faulted' AND {IS_ASKED})"
    ))
    .bind(persona.id.as_str())
    .bind(by)
    .bind(why)
}
