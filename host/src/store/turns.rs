//! The life of a turn in the ledger: begun, pinned, kept, ended.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Row as _, SqliteConnection};

use super::outbox::enqueue;
use super::row::{instant, whole, word_text};
use super::{Ledger, LedgerError};
use domain::behavior::{Problem, TurnOutcome};
use domain::delivery::{ActionRow, Delivery, FeedbackRow, Rows};
use domain::event::TurnEnd;
use domain::fault::Stage;
use domain::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, Slot, StrategyName, TurnId};
use domain::persona::Persona;
use domain::plugin::ServedAs;
use domain::rating::Rating;

const KEEP_ACTIONS: &str = "keep a turn's actions";

/// How a due entry stands with us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing speaks against its turn.
    Free,
    /// Its turn is running.
    Running,
    /// Its turn is over and kept; mana-auth does not know it yet.
    Over,
    /// Its turn ended in a fault (or was skipped), and is kept back until then.
    HeldUntil {
        /// Until when.
        until: DateTime<Utc>,
        /// How often it was begun.
        attempts: u32,
        /// Why it ended.
        why: String,
    },
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
    /// It runs already, is over or is held.
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
        let row = sqlx::query(
            "SELECT state, attempt, held_until, coalesce(fault_message, skip_reason, '') AS why
             FROM turns WHERE id = ?",
        )
        .bind(turn.to_string())
        .fetch_optional(&self.readers)
        .await
        .map_err(LedgerError::doing(WHAT))?;
        let Some(row) = row else { return Ok(Standing::Free) };
        let doing = LedgerError::doing(WHAT);
        let state: String = row.try_get("state").map_err(&doing)?;
        let held_until: Option<i64> = row.try_get("held_until").map_err(&doing)?;
        let attempts: i64 = row.try_get("attempt").map_err(&doing)?;
        Ok(match (state.as_str(), held_until) {
            ("running", _) => Standing::Running,
            (_, None) => Standing::Over,
            (_, Some(until)) if until <= self.now_ms() => Standing::Free,
            (_, Some(until)) => Standing::HeldUntil {
                until: instant("held_until", until)?,
                attempts: whole("attempt", attempts)?,
                why: row.try_get("why").map_err(&doing)?,
            },
        })
    }

    /// Begins a turn, or begins it again when its hold is over. Of two that ask at once one is refused.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn begin(&self, begin: Begin<'_>) -> Result<Begun, LedgerError> {
        let persona = begin.persona;
        let row = sqlx::query(
            "INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, started_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'running', 1, ?6)
             ON CONFLICT (id) DO UPDATE
             SET state = 'running', attempt = attempt + 1, started_at = excluded.started_at, ended_at = NULL,
                 held_until = NULL, skip_reason = NULL,
                 fault_stage = NULL, fault_code = NULL, fault_message = NULL, fault_hint = NULL
             WHERE state IN ('faulted', 'skipped') AND held_until <= ?6
             RETURNING attempt",
        )
        .bind(begin.turn.to_string())
        .bind(persona.id.as_str())
        .bind(&persona.email)
        .bind(&persona.archetype)
        .bind(begin.slot.as_str())
        .bind(self.now_ms())
        .fetch_optional(&self.writer)
        .await
        .map_err(LedgerError::doing("begin a turn"))?;
        match row {
            None => Ok(Begun::Refused),
            Some(row) => {
                let attempt: i64 = row.try_get(0).map_err(LedgerError::doing("begin a turn"))?;
                Ok(Begun::Attempt(whole("attempt", attempt)?))
            }
        }
    }

    /// Writes down what serves the turn.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn pin(&self, turn: TurnId, pin: &Pin) -> Result<(), LedgerError> {
        sqlx::query(
            "UPDATE turns SET strategy = ?, settings = ?, settings_hash = ?, plugin = ?, plugin_version = ?,
                 generation = ?, plugin_sha256 = ?, served_as = ?, model = ? WHERE id = ?",
        )
        .bind(pin.strategy.as_str())
        .bind(pin.settings.to_string())
        .bind(pin.settings_hash.as_str())
        .bind(pin.plugin.as_str())
        .bind(&pin.plugin_version)
        .bind(i64::try_from(pin.generation.0).unwrap_or(i64::MAX))
        .bind(pin.plugin_sha256.as_str())
        .bind(pin.served_as.name())
        .bind(&pin.model)
        .bind(turn.to_string())
        .execute(&self.writer)
        .await
        .map_err(LedgerError::doing("pin a turn"))?;
        Ok(())
    }

    /// Keeps what came of the main phase together with its delivery: both or neither.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_actions(
        &self,
        turn: TurnId,
        persona: &PersonaId,
        outcome: &TurnOutcome,
        rows: Vec<ActionRow>,
    ) -> Result<(), LedgerError> {
        let mut transaction = self.write(KEEP_ACTIONS).await?;
        keep_actions(&mut transaction, turn, persona, outcome, rows, self.now_ms()).await?;
        transaction.commit().await.map_err(LedgerError::doing(KEEP_ACTIONS))
    }

    /// Keeps the ratings, their deliveries and the memory, and ends the turn: all or nothing.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_ratings(&self, turn: TurnId, kept: KeptRatings<'_>) -> Result<(), LedgerError> {
        const WHAT: &str = "keep a turn's ratings";
        let mut transaction = self.write(WHAT).await?;
        for rating in kept.ratings {
            sqlx::query("INSERT INTO ratings (turn, module, score, notes) VALUES (?, ?, ?, ?)")
                .bind(turn.to_string())
                .bind(&rating.module)
                .bind(i64::from(rating.score.get()))
                .bind(rating.notes.as_deref())
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::doing(WHAT))?;
        }
        for (number, rows) in (1..).zip(kept.requests) {
            let delivery = Delivery { persona: kept.persona.clone(), rows: Rows::Feedback(rows) };
            enqueue(&mut transaction, turn, &format!("feedback-{number}"), &delivery, self.now_ms()).await?;
        }
        if let Some((strategy, memory)) = kept.memory {
            sqlx::query(
                "INSERT INTO memories (persona, strategy, memory, turn) VALUES (?, ?, ?, ?)
                 ON CONFLICT (persona, strategy) DO UPDATE SET memory = excluded.memory, turn = excluded.turn",
            )
            .bind(kept.persona.as_str())
            .bind(strategy.as_str())
            .bind(memory.to_string())
            .bind(turn.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::doing(WHAT))?;
        }
        end(&mut transaction, turn, &TurnEnd::Completed, None, self.now_ms()).await?;
        transaction.commit().await.map_err(LedgerError::doing(WHAT))
    }

    /// Ends a turn. One that is held may be begun again after `held_until`; without, it is over. So
    /// is one whose actions are kept, whatever ended it: a second run would repeat what was done.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn end(
        &self,
        turn: TurnId,
        how: &TurnEnd,
        held_until: Option<DateTime<Utc>>,
    ) -> Result<(), LedgerError> {
        let mut transaction = self.write("end a turn").await?;
        end(&mut transaction, turn, how, held_until, self.now_ms()).await?;
        transaction.commit().await.map_err(LedgerError::doing("end a turn"))
    }

    /// Writes down what a stage had to say.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_problems(
        &self,
        turn: TurnId,
        stage: Stage,
        problems: &[Problem],
    ) -> Result<(), LedgerError> {
        const WHAT: &str = "keep a turn's problems";
        if problems.is_empty() {
            return Ok(());
        }
        let mut transaction = self.write(WHAT).await?;
        for problem in problems {
            sqlx::query("INSERT INTO problems (turn, stage, severity, path, message) VALUES (?, ?, ?, ?, ?)")
                .bind(turn.to_string())
                .bind(stage.name())
                .bind(word_text(&problem.severity))
                .bind(problem.path.as_deref())
                .bind(&problem.message)
                .execute(&mut *transaction)
                .await
                .map_err(LedgerError::doing(WHAT))?;
        }
        transaction.commit().await.map_err(LedgerError::doing(WHAT))
    }
}

/// The outcome of the main phase and its delivery, as part of a transaction.
pub(super) async fn keep_actions(
    connection: &mut SqliteConnection,
    turn: TurnId,
    persona: &PersonaId,
    outcome: &TurnOutcome,
    rows: Vec<ActionRow>,
    now: i64,
) -> Result<(), LedgerError> {
    for action in &outcome.actions {
        sqlx::query(
            "INSERT INTO actions (turn, position, tool, module, input, status, error, latency_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(turn.to_string())
        .bind(i64::from(action.index))
        .bind(&action.tool)
        .bind(&action.module)
        .bind(action.input.to_string())
        .bind(word_text(&action.status))
        .bind(action.error.as_deref())
        .bind(action.latency_ms.map(i64::from))
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::doing(KEEP_ACTIONS))?;
    }
    sqlx::query("UPDATE turns SET stop_reason = ?, final_text = ? WHERE id = ?")
        .bind(&outcome.stop_reason)
        .bind(outcome.final_text.as_deref())
        .bind(turn.to_string())
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::doing(KEEP_ACTIONS))?;
    let delivery = Delivery { persona: persona.clone(), rows: Rows::Actions(rows) };
    enqueue(connection, turn, "actions", &delivery, now).await
}

/// The end of a turn, as part of a transaction.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    turn: TurnId,
    how: &TurnEnd,
    held_until: Option<DateTime<Utc>>,
    now: i64,
) -> Result<(), LedgerError> {
    let fault = match how {
        TurnEnd::Faulted(fault) => Some(fault),
        _ => None,
    };
    let skip_reason = match how {
        TurnEnd::Skipped { reason, .. } => Some(reason),
        _ => None,
    };
    sqlx::query(
        "UPDATE turns SET state = ?, ended_at = ?, attempt = attempt - ?,
             held_until = CASE WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.turn = turns.id) THEN NULL ELSE ? END,
             skip_reason = ?, fault_stage = ?, fault_code = ?, fault_message = ?, fault_hint = ?
         WHERE id = ?",
    )
    .bind(how.name())
    .bind(now)
    .bind(i64::from(!how.is_attempt()))
    .bind(held_until.map(|until| until.timestamp_millis()))
    .bind(skip_reason)
    .bind(fault.map(|fault| fault.stage.name()))
    .bind(fault.map(|fault| &fault.code))
    .bind(fault.map(|fault| &fault.message))
    .bind(fault.and_then(|fault| fault.hint.as_ref()))
    .bind(turn.to_string())
    .execute(connection)
    .await
    .map_err(LedgerError::doing("end a turn"))?;
    Ok(())
}
