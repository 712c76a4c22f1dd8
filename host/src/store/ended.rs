//! The one door through which a turn ends. What its journal holds of tool calls and nobody has kept yet is
//! kept in the same transaction, so that no end of whatever kind loses what was done.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::outbox::enqueue;
use super::problems::keep_problem;
use super::row::{json, readable, unless_unreadable, word_text};
use super::{Ledger, LedgerError};
use domain::action::{Action, ActionStatus, UNKNOWN_MODULE, modules_used};
use domain::behavior::{Problem, TurnOutcome};
use domain::delivery::{Delivery, Rows, action_rows};
use domain::event::TurnEnd;
use domain::fault::{Fault, Stage};
use domain::ids::{PersonaId, TurnId};
use domain::transcript::ToolAnswer;

const END: &str = "end a turn";
const KEEP: &str = "keep a turn's actions";
/// The tool of a call whose row in the journal cannot be read.
const UNREADABLE: &str = "__unreadable";

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
    /// Ends a turn, and gives the number of actions that are kept by now. After a fault or a skip it is held
    /// for a while and may be begun again; not so when something was done, for that would be done twice.
    ///
    /// # Errors
    /// When the ledger cannot be written, or its journal cannot be read.
    pub async fn end(&self, turn: TurnId, how: &TurnEnd) -> Result<usize, LedgerError> {
        let mut transaction = self.write(END).await?;
        let kept = end(&mut transaction, turn, how, self.clock.now()).await?;
        transaction.commit().await.map_err(LedgerError::doing(END))?;
        Ok(kept)
    }

    /// Ends every turn that is still marked as running. To be called while none runs: when the ledger is
    /// opened, and between ticks, should the ledger have failed at a turn's end.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn end_interrupted(&self) -> Result<(), LedgerError> {
        let running: Vec<String> = sqlx::query_scalar("SELECT id FROM turns WHERE state = 'running'")
            .fetch_all(&self.readers)
            .await
            .map_err(LedgerError::doing(END))?;
        // The turn may be what ended the process, so it waits like after any fault.
        let message = "persona-host stopped in the middle of this turn";
        let interrupted = TurnEnd::Faulted(Fault::new(Stage::ToolLoop, "interrupted", message));
        let mut left = Vec::new();
        for id in running {
            left.push(self.end_named(id, &interrupted).await);
        }
        // One that cannot be ended stays as it is, and in nobody's way.
        readable(END, left).map(drop)
    }

    async fn end_named(&self, id: String, how: &TurnEnd) -> Result<usize, LedgerError> {
        let turn = TurnId::parse(&id).map_err(|_| LedgerError::Row { column: "id", value: id })?;
        self.end(turn, how).await
    }
}

/// The end of a turn, as part of a transaction.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    turn: TurnId,
    how: &TurnEnd,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
    let kept = match kept(connection, turn).await? {
        Some(kept) => kept,
        None => keep_journaled(connection, turn, now).await?,
    };
    let held_until = match how {
        TurnEnd::Faulted(_) | TurnEnd::Skipped { .. } => Some(hold(connection, turn, how, now).await?),
        TurnEnd::Completed | TurnEnd::Idle => None,
    };
    let fault = match how {
        TurnEnd::Faulted(fault) => Some(fault),
        _ => None,
    };
    let skip_reason = match how {
        TurnEnd::Skipped { reason, .. } => Some(reason),
        _ => None,
    };
    sqlx::query(
        "UPDATE turns SET state = ?, ended_at = ?, uncounted = uncounted + ?,
             held_until = CASE WHEN EXISTS (SELECT 1 FROM outbox WHERE outbox.turn = turns.id) THEN NULL ELSE ? END,
             skip_reason = ?, fault_stage = ?, fault_code = ?, fault_message = ?, fault_hint = ?
         WHERE id = ?",
    )
    .bind(how.name())
    .bind(now.timestamp_millis())
    .bind(i64::from(!how.counts()))
    .bind(held_until.map(|until| until.timestamp_millis()))
    .bind(skip_reason)
    .bind(fault.map(|fault| fault.stage.name()))
    .bind(fault.map(|fault| &fault.code))
    .bind(fault.map(|fault| &fault.message))
    .bind(fault.and_then(|fault| fault.hint.as_ref()))
    .bind(turn.to_string())
    .execute(connection)
    .await
    .map_err(LedgerError::doing(END))?;
    Ok(kept)
}

/// Keeps what came of a day together with its delivery, as part of a transaction. Calls of earlier attempts
/// that nobody has kept follow behind those of the outcome.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    turn: TurnId,
    outcome: &TurnOutcome,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
    let (persona, attempt) = whose(connection, turn).await?;
    let mut actions = outcome.actions.clone();
    let own = u32::try_from(actions.len()).unwrap_or(u32::MAX);
    actions.extend(journaled(connection, turn, own, attempt).await?);
    write_down(connection, turn, &persona, &TurnOutcome { actions, ..outcome.clone() }, now).await
}

/// Keeps what the journal has of all attempts; nothing, if no tool was called.
async fn keep_journaled(
    connection: &mut SqliteConnection,
    turn: TurnId,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
    let actions = journaled(connection, turn, 0, i64::MAX).await?;
    if actions.is_empty() {
        return Ok(0);
    }
    let (persona, _) = whose(connection, turn).await?;
    let outcome = TurnOutcome {
        modules_used: modules_used(&actions),
        actions,
        final_text: unless_unreadable(KEEP, last_words(connection, turn).await)?.flatten(),
        stop_reason: "fault".to_owned(),
    };
    write_down(connection, turn, &persona, &outcome, now).await
}

async fn write_down(
    connection: &mut SqliteConnection,
    turn: TurnId,
    persona: &PersonaId,
    outcome: &TurnOutcome,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
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
        .map_err(LedgerError::doing(KEEP))?;
    }
    sqlx::query("UPDATE turns SET stop_reason = ?, final_text = ? WHERE id = ?")
        .bind(&outcome.stop_reason)
        .bind(outcome.final_text.as_deref())
        .bind(turn.to_string())
        .execute(&mut *connection)
        .await
        .map_err(LedgerError::doing(KEEP))?;
    let rows = Rows::Actions(action_rows(turn, &outcome.actions));
    let delivery = Delivery { persona: persona.clone(), rows };
    enqueue(connection, turn, "actions", &delivery, now.timestamp_millis()).await?;
    Ok(outcome.actions.len())
}

/// How many actions are kept; nothing if they are not kept yet.
async fn kept(connection: &mut SqliteConnection, turn: TurnId) -> Result<Option<usize>, LedgerError> {
    let row = sqlx::query(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE turn = ?1), (SELECT count(*) FROM actions WHERE turn = ?1)",
    )
    .bind(turn.to_string())
    .fetch_one(connection)
    .await
    .map_err(LedgerError::doing(END))?;
    let is_kept: bool = row.try_get(0).map_err(LedgerError::doing(END))?;
    let actions: i64 = row.try_get(1).map_err(LedgerError::doing(END))?;
    Ok(is_kept.then(|| usize::try_from(actions).unwrap_or_default()))
}

/// Until when the turn is kept back. What ended an attempt without being its fault does not prolong it: the
/// next may begin at once.
async fn hold(
    connection: &mut SqliteConnection,
    turn: TurnId,
    how: &TurnEnd,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, LedgerError> {
    if let TurnEnd::Skipped { until: Some(_), .. } = how {
        return Ok(how.held_until(now, 1));
    }
    if !how.counts() {
        return Ok(now);
    }
    let counted: Option<i64> = sqlx::query_scalar("SELECT attempt - uncounted FROM turns WHERE id = ?")
        .bind(turn.to_string())
        .fetch_optional(connection)
        .await
        .map_err(LedgerError::doing(END))?;
    Ok(how.held_until(now, u32::try_from(counted.unwrap_or(1)).unwrap_or(u32::MAX)))
}

/// Whose turn it is, and how often it was begun.
async fn whose(connection: &mut SqliteConnection, turn: TurnId) -> Result<(PersonaId, i64), LedgerError> {
    let row = sqlx::query("SELECT persona, attempt FROM turns WHERE id = ?")
        .bind(turn.to_string())
        .fetch_one(connection)
        .await
        .map_err(LedgerError::doing(KEEP))?;
    let persona: String = row.try_get(0).map_err(LedgerError::doing(KEEP))?;
    Ok((PersonaId::new(persona), row.try_get(1).map_err(LedgerError::doing(KEEP))?))
}

/// The tool calls that the journal has of the attempts before this one, numbered from `first`.
async fn journaled(
    connection: &mut SqliteConnection,
    turn: TurnId,
    first: u32,
    before: i64,
) -> Result<Vec<Action>, LedgerError> {
    let rows = sqlx::query(
        "SELECT key, intent, result, failure, ended_at - begun_at AS latency FROM steps
         WHERE turn = ? AND attempt < ? AND key LIKE 'main/%/%' ORDER BY seq",
    )
    .bind(turn.to_string())
    .bind(before)
    .fetch_all(&mut *connection)
    .await
    .map_err(LedgerError::doing(KEEP))?;
    let mut actions = Vec::new();
    for (index, row) in (first..).zip(&rows) {
        let (action, unreadable) = action(index, row);
        if let Some(problem) = unreadable {
            keep_problem(connection, turn, Stage::KeepActions, &problem).await?;
        }
        actions.push(action);
    }
    Ok(actions)
}

/// The action that a journaled call makes. A row that cannot be read was a call all the same: what came of it is
/// not known, and the problem says why.
fn action(index: u32, row: &SqliteRow) -> (Action, Option<Problem>) {
    let read = called(row).and_then(|call| Ok((call, answered(row)?)));
    let (call, (status, error), problem) = match read {
        Ok((call, answer)) => (call, answer, None),
        Err(why) => {
            let key = row.try_get::<String, _>("key").unwrap_or_default();
            let message = format!("the journal of the tool call {key} cannot be read: {why}");
            let problem = Problem::error(Some(key), message.clone());
            let unreadable = || CallIntent {
                id: String::new(),
                tool: UNREADABLE.to_owned(),
                module: UNKNOWN_MODULE.to_owned(),
                input: Value::Null,
            };
            let call = called(row).unwrap_or_else(|_| unreadable());
            (call, (ActionStatus::Unknown, Some(message)), Some(problem))
        }
    };
    let latency = row.try_get::<Option<i64>, _>("latency").ok().flatten();
    let latency_ms = latency.and_then(|latency| u32::try_from(latency).ok());
    let CallIntent { tool, module, input, .. } = call;
    (Action { index, tool, module, input, status, error, latency_ms }, problem)
}

/// What was about to be called.
fn called(row: &SqliteRow) -> Result<CallIntent, LedgerError> {
    json("intent", &row.try_get::<String, _>("intent").map_err(LedgerError::doing(KEEP))?)
}

/// What came of it, as far as it is known.
fn answered(row: &SqliteRow) -> Result<(ActionStatus, Option<String>), LedgerError> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(LedgerError::doing(KEEP));
    let answer: Option<ToolAnswer> = text("result")?.map(|text| json("result", &text)).transpose()?;
    Ok(match answer {
        Some(ToolAnswer { is_error: false, .. }) => (ActionStatus::Ok, None),
        Some(ToolAnswer { text, is_error: true }) => (ActionStatus::Error, Some(text)),
        // Whether the tool did it is not known in either case.
        None => {
            let failure = text("failure")?.unwrap_or_else(|| "the answer was lost".to_owned());
            (ActionStatus::Unknown, Some(failure))
        }
    })
}

/// What the model said last in the app.
async fn last_words(connection: &mut SqliteConnection, turn: TurnId) -> Result<Option<String>, LedgerError> {
    sqlx::query_scalar(
        "SELECT text FROM (
             SELECT seq, CASE WHEN json_valid(result) THEN result ->> '$.text' END AS text FROM steps
             WHERE turn = ? AND key LIKE 'main/%' AND key NOT LIKE 'main/%/%')
         WHERE trim(text) != '' ORDER BY seq DESC LIMIT 1",
    )
    .bind(turn.to_string())
    .fetch_optional(connection)
    .await
    .map_err(LedgerError::doing(KEEP))
}
