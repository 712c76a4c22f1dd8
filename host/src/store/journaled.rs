//! The tool calls that a journal has, as the actions that they make.

use std::collections::BTreeMap;

use serde_json::Value;

use super::LedgerError;
use super::database::{Connection, Row, sql};
use super::problems::keep_problem;
use super::row::json;
use domain::action::{Action, ActionStatus, UNKNOWN_MODULE};
use domain::behavior::Problem;
use domain::call::{ANSWER_LOST, CallIntent, Called};
use domain::fault::Stage;
use domain::ids::TurnId;

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
pub(super) fn journaled(connection: &mut Connection<'_>, turn: TurnId) -> Result<Journaled, LedgerError> {
    let opening =
        sql("SELECT min(seq) AS seq FROM steps WHERE turn = ? AND key = 'main/opening' AND result != 'null'");
    let opening: Option<i64> = connection.one(opening.bind(turn))?.get("seq")?;
    let calls = sql("SELECT seq, key, intent, result, failure, undone, begun_at, ended_at FROM steps
         WHERE turn = ? AND key LIKE 'main/%/%' ORDER BY seq");
    let rows = connection.rows(calls.bind(turn))?;
    let mut problems = Vec::new();
    let mut action = |row: &Row| {
        let (action, unreadable) = action(row);
        problems.extend(unreadable);
        action
    };
    let is_since = |row: &Row| -> Result<bool, LedgerError> {
        let seq: i64 = row.get("seq")?;
        Ok(opening.is_some_and(|opening| seq >= opening))
    };
    let (mut before, mut since) = (Vec::new(), BTreeMap::new());
    for row in &rows {
        if is_since(row)? {
            stands_for_its_call(&mut since, row)?;
        } else {
            before.push(action(row));
        }
    }
    let since = since.into_values().map(action).collect();
    for problem in problems {
        keep_problem(connection, turn, Stage::KeepActions, &problem)?;
    }
    Ok(Journaled { before, since })
}

/// Of the rows of one call the last one with a result counts; without any, the last one. By the call's place in the
/// day: a key's last three characters.
fn stands_for_its_call<'r>(
    calls: &mut BTreeMap<(String, String), &'r Row>,
    row: &'r Row,
) -> Result<(), LedgerError> {
    let key: String = row.get("key")?;
    let place = key.rsplit('/').next().unwrap_or_default().to_owned();
    let answered = |row: &Row| {
        Ok::<_, LedgerError>(row.get::<Option<String>>("result").map_or(true, |own| own.is_some()))
    };
    let is_answered = answered(row)?;
    match calls.get(&(place.clone(), key.clone())) {
        Some(earlier) if answered(earlier)? && !is_answered => {}
        _ => drop(calls.insert((place, key), row)),
    }
    Ok(())
}

/// The action that a journaled call makes. A row that cannot be read was a call all the same: what came of it is
/// not known, and the problem says why.
fn action(row: &Row) -> (Action, Option<Problem>) {
    let read = intended(row).and_then(|call| Ok((call, outcome(row)?)));
    let (call, Outcome { status, error, latency_ms }, problem) = match read {
        Ok((call, outcome)) => (call, outcome, None),
        Err(why) => {
            let key = row.get::<String>("key").unwrap_or_default();
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
fn intended(row: &Row) -> Result<CallIntent, LedgerError> {
    json("intent", &row.get::<String>("intent")?)
}

struct Outcome {
    status: ActionStatus,
    error: Option<String>,
    latency_ms: Option<u32>,
}

/// What came of it, as far as it is known.
fn outcome(row: &Row) -> Result<Outcome, LedgerError> {
    let text = |column: &'static str| row.get::<Option<String>>(column);
    let time = |column| row.get::<Option<i64>>(column).ok().flatten();
    let between = time("ended_at").zip(time("begun_at")).and_then(|(ended, begun)| ended.checked_sub(begun));
    let between = between.and_then(|latency| u32::try_from(latency).ok());
    Ok(match text("result")?.map(|text| json::<Called>("result", &text)).transpose()? {
        Some(called) => {
            let latency_ms = called.latency_ms.or(between);
            let (status, error) = called.status();
            Outcome { status, error, latency_ms }
        }
        // Whether the tool did it is not known, unless it surely was not called.
        None => {
            let status = if row.get("undone")? { ActionStatus::Error } else { ActionStatus::Unknown };
            let error = text("failure")?.unwrap_or_else(|| ANSWER_LOST.to_owned());
            Outcome { status, error: Some(error), latency_ms: between }
        }
    })
}
