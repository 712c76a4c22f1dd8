//! Turns that could not end themselves, because their process died or they panicked: what they did is
//! read off the journal.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::row::{json, whole};
use super::turns::{end, keep_actions};
use super::{Ledger, LedgerError};
use domain::action::{Action, ActionStatus, modules_used};
use domain::behavior::TurnOutcome;
use domain::delivery::action_rows;
use domain::event::TurnEnd;
use domain::fault::{Fault, Stage, hold_after};
use domain::ids::{PersonaId, TurnId};
use domain::transcript::ToolAnswer;

const WHAT: &str = "end a turn that broke off";

/// What the journal holds of a tool call before it is made: enough to make an action of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CallIntent {
    /// The id that pairs the call with its result.
    pub id: String,
    /// Dotted name, or whatever the model invented.
    pub tool: String,
    /// The tool's module.
    pub module: String,
    /// The arguments.
    pub input: Value,
}

impl Ledger {
    /// Ends a turn in whose place nobody else can. What it did is kept and will be delivered, and then it
    /// is over; one that had done nothing may be begun again after `held_until`. Gives the number of
    /// actions that were kept by now.
    ///
    /// # Errors
    /// When the ledger cannot be written, or its journal cannot be read.
    pub async fn break_off(
        &self,
        turn: TurnId,
        persona: &PersonaId,
        fault: &Fault,
        held_until: DateTime<Utc>,
    ) -> Result<usize, LedgerError> {
        let mut transaction = self.write(WHAT).await?;
        let now = self.now_ms();
        let mut kept = kept(&mut transaction, turn).await?;
        if kept.is_none() {
            let actions = journaled(&mut transaction, turn).await?;
            if !actions.is_empty() {
                let rows = action_rows(turn, &actions);
                kept = Some(actions.len());
                let modules_used = modules_used(&actions);
                let stop_reason = "fault".to_owned();
                let outcome = TurnOutcome { actions, modules_used, final_text: None, stop_reason };
                keep_actions(&mut transaction, turn, persona, &outcome, rows, now).await?;
            }
        }
        end(&mut transaction, turn, &TurnEnd::Faulted(fault.clone()), Some(held_until), now).await?;
        transaction.commit().await.map_err(LedgerError::doing(WHAT))?;
        Ok(kept.unwrap_or_default())
    }

    /// Breaks off every turn that is still marked as running. To be called while none runs: when the
    /// ledger is opened, and between ticks, should the ledger have failed at a turn's end.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn end_interrupted(&self) -> Result<(), LedgerError> {
        let doing = LedgerError::doing(WHAT);
        let running = sqlx::query("SELECT id, persona, attempt FROM turns WHERE state = 'running'")
            .fetch_all(&self.readers)
            .await
            .map_err(&doing)?;
        let message = "persona-host stopped in the middle of this turn";
        let fault = Fault::new(Stage::ToolLoop, "interrupted", message);
        for row in running {
            let id: String = row.try_get("id").map_err(&doing)?;
            let persona: String = row.try_get("persona").map_err(&doing)?;
            let turn = TurnId::parse(&id).map_err(|_| LedgerError::Row { column: "id", value: id })?;
            let attempt: i64 = row.try_get("attempt").map_err(&doing)?;
            // The turn may be what ended the process, so it waits like after any fault.
            let until = self.clock.now() + hold_after(whole("attempt", attempt)?);
            self.break_off(turn, &PersonaId::new(persona), &fault, until).await?;
        }
        Ok(())
    }
}

/// How many actions are kept; nothing if they are not kept yet.
async fn kept(connection: &mut SqliteConnection, turn: TurnId) -> Result<Option<usize>, LedgerError> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE turn = ?1), (SELECT count(*) FROM actions WHERE turn = ?1)",
    )
    .bind(turn.to_string())
    .fetch_one(connection)
    .await
    .map_err(LedgerError::doing(WHAT))?;
    let is_kept: bool = row.try_get(0).map_err(LedgerError::doing(WHAT))?;
    let actions: i64 = row.try_get(1).map_err(LedgerError::doing(WHAT))?;
    Ok(is_kept.then(|| usize::try_from(actions).unwrap_or_default()))
}

/// The tool calls of the turn's last attempt, as its journal has them.
async fn journaled(connection: &mut SqliteConnection, turn: TurnId) -> Result<Vec<Action>, LedgerError> {
    let rows = sqlx::query(
        "SELECT steps.intent, steps.result, steps.failure, steps.ended_at - steps.begun_at AS latency
         FROM steps JOIN turns ON turns.id = steps.turn AND turns.attempt = steps.attempt
         WHERE steps.turn = ? AND steps.key LIKE 'main/%/%' ORDER BY steps.seq",
    )
    .bind(turn.to_string())
    .fetch_all(connection)
    .await
    .map_err(LedgerError::doing(WHAT))?;
    (0..).zip(&rows).map(|(index, row)| action(index, row)).collect()
}

fn action(index: u32, row: &SqliteRow) -> Result<Action, LedgerError> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(LedgerError::doing(WHAT));
    let latency: Option<i64> = row.try_get("latency").map_err(LedgerError::doing(WHAT))?;
    let intent = text("intent")?.unwrap_or_default();
    let CallIntent { tool, module, input, .. } = json("intent", &intent)?;
    let answer: Option<ToolAnswer> = text("result")?.map(|text| json("result", &text)).transpose()?;
    let (status, error) = match answer {
        Some(ToolAnswer { is_error: false, .. }) => (ActionStatus::Ok, None),
        Some(ToolAnswer { text, is_error: true }) => (ActionStatus::Error, Some(text)),
        // Whether the tool did it is not known in either case.
        None => {
            let failure = text("failure")?.unwrap_or_else(|| "the answer was lost".to_owned());
            (ActionStatus::Unknown, Some(failure))
        }
    };
    Ok(Action {
        index,
        tool,
        module,
        input,
        status,
        error,
        latency_ms: latency.and_then(|latency| u32::try_from(latency).ok()),
    })
}
