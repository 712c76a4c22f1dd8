//! The tool calls that a journal has, as the actions that they make.

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::LedgerError;
use super::problems::keep_problem;
use super::row::json;
use domain::action::{Action, ActionStatus, UNKNOWN_MODULE};
use domain::behavior::Problem;
use domain::call::{ANSWER_LOST, CallIntent, Called};
use domain::fault::Stage;
use domain::ids::TurnId;

const READ: &str = "read what a turn has done";
/// The tool of a call whose row in the journal cannot be read.
const UNREADABLE: &str = "__unreadable";

/// The tool calls of a turn. Their places are not those of the turn yet.
pub(super) struct Journaled {
    /// Of attempts that were begun anew afterwards, as an older version did: each call counts.
    pub(super) before: Vec<Action>,
    /// Since the turn's question is kept: each call once, with what came of it in whatever attempt.
    pub(super) since: Vec<Action>,
}

/// Reads them. A row that cannot be read is told among the turn's problems.
pub(super) async fn journaled(
    connection: &mut SqliteConnection,
    turn: TurnId,
) -> Result<Journaled, LedgerError> {
    let rows = sqlx::query(
        "WITH opening AS (SELECT min(seq) AS seq FROM steps WHERE turn = ?1 AND key = 'main/opening' AND result != 'null')
         SELECT key, intent, result, failure, undone, ended_at - begun_at AS latency,
             step.seq >= opening.seq IS TRUE AS is_since
         FROM steps AS step, opening
         WHERE turn = ?1 AND key LIKE 'main/%/%' AND (
             step.seq >= opening.seq IS NOT TRUE
             OR step.seq = (SELECT seq FROM steps WHERE turn = ?1 AND key = step.key AND seq >= opening.seq
                 ORDER BY result IS NULL, seq DESC LIMIT 1))
         ORDER BY is_since, CASE WHEN is_since THEN substr(key, -3) END, step.seq",
    )
    .bind(turn.to_string())
    .fetch_all(&mut *connection)
    .await
    .map_err(LedgerError::doing(READ))?;
    let mut journaled = Journaled { before: Vec::new(), since: Vec::new() };
    for row in &rows {
        let is_since: bool = row.try_get("is_since").map_err(LedgerError::doing(READ))?;
        let (action, unreadable) = action(row);
        if let Some(problem) = unreadable {
            keep_problem(connection, turn, Stage::KeepActions, &problem).await?;
        }
        let among = if is_since { &mut journaled.since } else { &mut journaled.before };
        among.push(action);
    }
    Ok(journaled)
}

/// The action that a journaled call makes. A row that cannot be read was a call all the same: what came of it is
/// not known, and the problem says why.
fn action(row: &SqliteRow) -> (Action, Option<Problem>) {
    let read = intended(row).and_then(|call| Ok((call, outcome(row)?)));
    let (call, Outcome { status, error, latency_ms }, problem) = match read {
        Ok((call, outcome)) => (call, outcome, None),
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
            let call = intended(row).unwrap_or_else(|_| unreadable());
            let unknown = Outcome { status: ActionStatus::Unknown, error: Some(message), latency_ms: None };
            (call, unknown, Some(problem))
        }
    };
    let CallIntent { tool, module, input, .. } = call;
    (Action { index: 0, tool, module, input, status, error, latency_ms }, problem)
}

/// What was about to be called.
fn intended(row: &SqliteRow) -> Result<CallIntent, LedgerError> {
    json("intent", &row.try_get::<String, _>("intent").map_err(LedgerError::doing(READ))?)
}

struct Outcome {
    status: ActionStatus,
    error: Option<String>,
    latency_ms: Option<u32>,
}

/// What came of it, as far as it is known.
fn outcome(row: &SqliteRow) -> Result<Outcome, LedgerError> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(LedgerError::doing(READ));
    let between = row.try_get::<Option<i64>, _>("latency").ok().flatten();
    let between = between.and_then(|latency| u32::try_from(latency).ok());
    Ok(match text("result")?.map(|text| json::<Called>("result", &text)).transpose()? {
        Some(called) => {
            let latency_ms = called.latency_ms.or(between);
            let (status, error) = called.status();
            Outcome { status, error, latency_ms }
        }
        // Whether the tool did it is not known, unless it surely was not called.
        None => {
            let undone: bool = row.try_get("undone").map_err(LedgerError::doing(READ))?;
            let status = if undone { ActionStatus::Error } else { ActionStatus::Unknown };
            let error = text("failure")?.unwrap_or_else(|| ANSWER_LOST.to_owned());
            Outcome { status, error: Some(error), latency_ms: between }
        }
    })
}
