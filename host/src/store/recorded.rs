//! Everything about one turn, as the command line and the API show it.

use std::slice;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::database::{Connection, Row, sql};
use super::experiments::assigned;
use super::shown::Shown;
use super::summary::{Summary, add_ratings, columns, summary};
use super::{Ledger, LedgerError};
use domain::action::{Action, ActionStatus};
use domain::behavior::{Problem, Severity};
use domain::experiment::Assignment;
use domain::ids::TurnId;

/// Everything about one turn.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// The line in the list.
    #[serde(flatten)]
    pub summary: Summary,
    /// Since when its steps are gone, and what its plugin was given, because they were old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned_at: Option<DateTime<Utc>>,
    /// Its place in an experiment, if it has one.
    pub assignment: Option<Assignment>,
    /// The settings that the plugin was given.
    pub settings: Option<Value>,
    /// The last reply of the main phase.
    pub final_text: Option<String>,
    /// Every attempt at it, in order; a later success erases none.
    pub attempts: Vec<Attempt>,
    /// The journal, in order.
    pub steps: Vec<RecordedStep>,
    /// The tool calls as kept.
    #[serde(rename = "actionList")]
    pub actions: Vec<Action>,
    /// What the plugin and the host's checks had to say.
    pub problems: Vec<Problem>,
    /// What has not reached mana-auth.
    pub waiting: Vec<UndeliveredPart>,
}

/// One attempt at a turn.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it ended, one of [`domain::state::State::OUTCOMES`], or `running`.
    pub state: String,
    /// Why the plugin let the turn out.
    pub skip_reason: Option<String>,
    /// Where it failed.
    pub fault_stage: Option<String>,
    /// How, in a word.
    pub fault_code: Option<String>,
    /// How, in a sentence.
    pub fault_message: Option<String>,
    /// What to do about it.
    pub fault_hint: Option<String>,
    /// Model calls that were answered in it.
    pub model_calls: u32,
    /// Their price in US dollars; null when one of them has none that is known.
    pub cost_usd: Option<f64>,
}

/// One journaled step.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedStep {
    /// Of which attempt.
    pub attempt: u32,
    /// `main/opening`, `main/01`, `main/01/000` (a tool call), `rating/01` …
    pub key: String,
    /// What was about to be done.
    pub intent: Value,
    /// What came of it; null while it is not known.
    pub result: Option<Value>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A delivery that mana-auth has not acknowledged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UndeliveredPart {
    /// `actions`, `feedback-1` …
    pub part: String,
    /// `waiting` or `refused`.
    pub state: String,
    /// How often it was tried.
    pub tries: u32,
    /// What mana-auth said last.
    pub last_error: Option<String>,
}

const ATTEMPTS: &str = "SELECT attempts.*, 
    CASE WHEN stopped = 1 THEN 'stopped' ELSE coalesce(state, 'running') END AS word,
    (SELECT count(*) FROM usage WHERE usage.turn = attempts.turn AND usage.attempt = attempts.number) AS model_calls,
    (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(CAST(cost AS double precision)), 0) / 1e9 END FROM usage
       WHERE usage.turn = attempts.turn AND usage.attempt = attempts.number) AS cost_usd
  FROM attempts WHERE turn = ? ORDER BY number";

impl Ledger {
    /// Everything about the turn whose id is, or begins with, `id`.
    ///
    /// # Errors
    /// When none or more than one does, or the ledger cannot be read.
    pub async fn show(&self, id: &str) -> Result<Recorded, LedgerError> {
        let id = id.to_ascii_lowercase();
        let prefix: String = id.chars().filter(|c| c.is_ascii_hexdigit() || *c == '-').collect();
        if prefix.is_empty() || prefix != id {
            return Err(LedgerError::NoSuchTurn { id });
        }
        self.read("look up a turn", move |connection| {
            let asked = sql(format!("SELECT {} FROM turns WHERE id LIKE ? || '%' LIMIT 2", columns()));
            match connection.rows(asked.bind(&id))?.as_slice() {
                [] => Err(LedgerError::NoSuchTurn { id: id.clone() }),
                [row] => recorded(connection, row),
                _ => Err(LedgerError::Ambiguous { id: id.clone() }),
            }
        })
        .await
    }

    /// Everything about a turn.
    ///
    /// # Errors
    /// When there is no such turn, or the ledger cannot be read.
    pub async fn recorded_turn(&self, turn: TurnId) -> Result<Recorded, LedgerError> {
        self.show(&turn.to_string()).await
    }
}

fn recorded(connection: &mut Connection<'_>, row: &Row) -> Result<Recorded, LedgerError> {
    let mut summary = summary(row);
    add_ratings(connection, slice::from_mut(&mut summary))?;
    let ((settings, final_text, pruned_at), own) =
        Shown::read(row, |row| (row.json_or_text("settings"), row.text("final_text"), row.time("pruned_at")));
    let id = summary.id.clone();
    let assignment = connection.row(sql("SELECT * FROM assignments WHERE turn = ?").bind(&id))?;
    let (assignment, other) = match assignment.map(|row| assigned(&row)).transpose() {
        Err(error) if error.is_of_one_row() => (None, vec![error.to_string()]),
        assignment => (assignment?.map(|assigned| assigned.assignment), Vec::new()),
    };
    let (attempts, of_attempts) = rows_of(connection, ATTEMPTS, &id, attempt)?;
    let steps = "SELECT * FROM steps WHERE turn = ? ORDER BY seq";
    let (steps, of_steps) = rows_of(connection, steps, &id, recorded_step)?;
    let (actions, of_actions) = actions_of(connection, &id)?;
    let problems = "SELECT * FROM problems WHERE turn = ? ORDER BY seq";
    let (problems, of_problems) = rows_of(connection, problems, &id, problem)?;
    let waiting = "SELECT * FROM outbox WHERE turn = ? AND state <> 'delivered' ORDER BY seq";
    let (waiting, of_waiting) = rows_of(connection, waiting, &id, undelivered)?;
    summary
        .unreadable
        .extend([own, other, of_attempts, of_steps, of_actions, of_problems, of_waiting].concat());
    Ok(Recorded {
        pruned_at,
        assignment,
        settings,
        final_text,
        attempts,
        steps,
        actions,
        problems,
        waiting,
        summary,
    })
}

/// The tool calls of a turn, in order, and what of them cannot be read.
pub(super) fn actions_of(
    connection: &mut Connection<'_>,
    turn: &str,
) -> Result<(Vec<Action>, Vec<String>), LedgerError> {
    rows_of(connection, "SELECT * FROM actions WHERE turn = ? ORDER BY position", turn, action)
}

fn rows_of<T>(
    connection: &mut Connection<'_>,
    asked: &'static str,
    turn: &str,
    read: fn(&Shown<'_>) -> T,
) -> Result<(Vec<T>, Vec<String>), LedgerError> {
    let rows = connection.rows(sql(asked).bind(turn))?;
    let (read, unreadable): (Vec<T>, Vec<_>) = rows.iter().map(|row| Shown::read(row, read)).unzip();
    Ok((read, unreadable.concat()))
}

fn attempt(row: &Shown<'_>) -> Attempt {
    Attempt {
        number: row.count("number"),
        begun_at: row.time("begun_at").unwrap_or_default(),
        ended_at: row.time("ended_at"),
        state: row.word("word"),
        skip_reason: row.text("skip_reason"),
        fault_stage: row.text("fault_stage"),
        fault_code: row.text("fault_code"),
        fault_message: row.text("fault_message"),
        fault_hint: row.text("fault_hint"),
        model_calls: row.count("model_calls"),
        cost_usd: row.value("cost_usd"),
    }
}

fn recorded_step(row: &Shown<'_>) -> RecordedStep {
    RecordedStep {
        attempt: row.count("attempt"),
        key: row.word("key"),
        intent: row.json_or_text("intent").unwrap_or_default(),
        result: row.json_or_text("result"),
        failure: row.text("failure"),
        begun_at: row.time("begun_at").unwrap_or_default(),
        ended_at: row.time("ended_at"),
    }
}

pub(super) fn action(row: &Shown<'_>) -> Action {
    Action {
        index: row.count("position"),
        tool: row.word("tool"),
        module: row.word("module"),
        input: row.json_or_text("input").unwrap_or_default(),
        status: row.named("status").unwrap_or(ActionStatus::Unknown),
        error: row.text("error"),
        latency_ms: row.number("latency_ms"),
    }
}

fn problem(row: &Shown<'_>) -> Problem {
    Problem {
        severity: row.named("severity").unwrap_or(Severity::Error),
        path: row.text("path"),
        message: row.word("message"),
    }
}

fn undelivered(row: &Shown<'_>) -> UndeliveredPart {
    UndeliveredPart {
        part: row.word("part"),
        state: row.word("state"),
        tries: row.count("tries"),
        last_error: row.text("last_error"),
    }
}
