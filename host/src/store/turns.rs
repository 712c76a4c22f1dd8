//! The life of a turn in the ledger: begun, pinned, kept, ended.

use serde_json::Value;
use sqlx::Row as _;

use super::ended::{end, keep};
use super::outbox::enqueue;
use super::row::whole;
use super::statement::Statement;
use super::{Ledger, LedgerError};
use domain::behavior::TurnOutcome;
use domain::delivery::{Delivery, FeedbackRow, Rows};
use domain::event::TurnEnd;
use domain::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, Slot, StrategyName, TurnId};
use domain::persona::Persona;
use domain::plugin::ServedAs;
use domain::rating::Rating;

const BEGIN: &str = "begin a turn";

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
        let row = sqlx::query("SELECT state, held_until FROM turns WHERE id = ?")
            .bind(turn.to_string())
            .fetch_optional(&self.readers)
            .await
            .map_err(LedgerError::doing(WHAT))?;
        let Some(row) = row else { return Ok(Standing::Free) };
        let doing = LedgerError::doing(WHAT);
        let state: String = row.try_get("state").map_err(&doing)?;
        let held_until: Option<i64> = row.try_get("held_until").map_err(&doing)?;
        Ok(match (state.as_str(), held_until) {
            ("running", _) => Standing::Running,
            (_, None) => Standing::Over,
            (_, Some(until)) if until <= self.now_ms() => Standing::Free,
            (_, Some(_)) => Standing::Held,
        })
    }

    /// Begins a turn, or goes on with it when its hold is over. Of two that ask at once one is refused, and so is a
    /// persona of whom another turn runs.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn begin(&self, begin: Begin<'_>) -> Result<Begun, LedgerError> {
        let persona = begin.persona;
        let mut transaction = self.write(BEGIN).await?;
        let now = self.now_ms();
        let begun = sqlx::query(
            "INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, started_at)
             SELECT ?1, ?2, ?3, ?4, ?5, 'running', 1, ?6
             WHERE NOT EXISTS (SELECT 1 FROM turns WHERE persona = ?2 AND state = 'running')
             ON CONFLICT (id) DO UPDATE
             SET state = 'running', attempt = attempt + 1, started_at = excluded.started_at, ended_at = NULL,
                 held_until = NULL, skip_reason = NULL,
                 fault_stage = NULL, fault_code = NULL, fault_message = NULL, fault_hint = NULL
             WHERE state IN ('faulted', 'skipped') AND held_until <= ?6",
        )
        .bind(begin.turn.to_string())
        .bind(persona.id.as_str())
        .bind(&persona.email)
        .bind(&persona.archetype)
        .bind(begin.slot.as_str())
        .bind(now)
        .execute(&mut *transaction)
        .await
        .map_err(LedgerError::doing(BEGIN))?;
        if begun.rows_affected() == 0 {
            return Ok(Begun::Refused);
        }
        let attempt: i64 = sqlx::query_scalar("SELECT attempt FROM turns WHERE id = ?")
            .bind(begin.turn.to_string())
            .fetch_one(&mut *transaction)
            .await
            .map_err(LedgerError::doing(BEGIN))?;
        sqlx::query("INSERT INTO attempts (turn, number, begun_at) VALUES (?, ?, ?)")
            .bind(begin.turn.to_string())
            .bind(attempt)
            .bind(now)
            .execute(&mut *transaction)
            .await
            .map_err(LedgerError::doing(BEGIN))?;
        transaction.commit().await.map_err(LedgerError::doing(BEGIN))?;
        Ok(Begun::Attempt(whole("attempt", attempt)?))
    }

    /// Writes down what serves the turn. It is written with the next write, or in a moment.
    pub fn pin(&self, turn: TurnId, pin: &Pin) {
        self.writer.put_off(turn, Statement::new(
            "UPDATE turns SET strategy = ?, settings = ?, settings_hash = ?, plugin = ?, plugin_version = ?,
                 generation = ?, plugin_sha256 = ?, served_as = ?, model = ? WHERE id = ?",
            [
                pin.strategy.as_str().into(),
                pin.settings.to_string().into(),
                pin.settings_hash.as_str().into(),
                pin.plugin.as_str().into(),
                pin.plugin_version.as_str().into(),
                i64::try_from(pin.generation.0).unwrap_or(i64::MAX).into(),
                pin.plugin_sha256.as_str().into(),
                pin.served_as.name().into(),
                pin.model.as_str().into(),
                turn.to_string().into(),
            ],
        ));
    }

    /// Keeps what came of the main phase together with its delivery: both or neither. Gives the number of
    /// actions.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn keep_actions(&self, turn: TurnId, outcome: &TurnOutcome) -> Result<usize, LedgerError> {
        const WHAT: &str = "keep a turn's actions";
        let mut transaction = self.write(WHAT).await?;
        let kept = keep(&mut transaction, turn, outcome, self.clock.now()).await?;
        transaction.commit().await.map_err(LedgerError::doing(WHAT))?;
        Ok(kept)
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
        end(&mut transaction, turn, &TurnEnd::Completed, self.clock.now()).await?;
        transaction.commit().await.map_err(LedgerError::doing(WHAT))
    }
}
