//! Read models: turns as the command line and the API show them.

use std::collections::BTreeMap;
use std::slice;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::database::{Connection, Row, sql};
use super::experiments::assigned;
use super::shown::Shown;
use super::{Ledger, LedgerError};
use domain::action::{Action, ActionStatus};
use domain::behavior::{Problem, Severity};
use domain::experiment::Assignment;
use domain::ids::TurnId;
use domain::rating::{Rating, Score};
use domain::usage::Usage;

/// Which turns to list.
#[derive(Clone, Debug, Default)]
pub struct TurnFilter {
    /// Only this persona's, by address.
    pub email: Option<String>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only those of which an attempt ended in a fault, whatever came later.
    pub ever_faulted: bool,
    /// Only those that were under way since then.
    pub since: Option<DateTime<Utc>>,
    /// At most so many, newest first; 50 when not given.
    pub limit: Option<u32>,
}

/// One turn in a line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// The persona's address.
    pub persona: String,
    /// The persona's kind.
    pub archetype: String,
    /// `running`, `completed`, `idle`, `skipped` or `faulted`.
    pub state: String,
    /// How often it was begun.
    pub attempt: u32,
    /// When it was begun last.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Until when it is kept back.
    pub held_until: Option<DateTime<Utc>>,
    /// Since when it is set aside until somebody lets it go on.
    pub parked_at: Option<DateTime<Utc>>,
    /// What served it.
    pub strategy: Option<String>,
    /// The digest of the strategy's settings.
    pub settings_hash: Option<String>,
    /// The plugin's name.
    pub plugin: Option<String>,
    /// The plugin's own version.
    pub plugin_version: Option<String>,
    /// Which loaded build of it.
    pub generation: Option<u64>,
    /// The digest of the component.
    pub plugin_sha256: Option<String>,
    /// In what capacity it served: `live`, `canary`, `previous` or `built-in`.
    pub served_as: Option<String>,
    /// The model that was asked.
    pub model: Option<String>,
    /// Why the main phase ended.
    pub stop_reason: Option<String>,
    /// How many tools were called.
    pub actions: u32,
    /// How many of them failed.
    pub action_errors: u32,
    /// The ratings, markers included.
    pub ratings: Vec<Rating>,
    /// Model calls that were answered.
    pub model_calls: u32,
    /// Their tokens.
    pub usage: Usage,
    /// Their price in US dollars; null when one of them has none that is known.
    pub cost_usd: Option<f64>,
    /// Deliveries that mana-auth has not acknowledged.
    pub undelivered: u32,
    /// Where it failed.
    pub fault_stage: Option<String>,
    /// How, in a word.
    pub fault_code: Option<String>,
    /// How, in a sentence.
    pub fault_message: Option<String>,
    /// What to do about it.
    pub fault_hint: Option<String>,
    /// Why the plugin let it out.
    pub skip_reason: Option<String>,
    /// Why its last attempt that failed did, as `code: sentence`, also when a later one succeeded.
    pub last_failure: Option<String>,
    /// What its rows hold that cannot be read: the rest is shown without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

/// Everything about one turn.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// `running`, `completed`, `idle`, `skipped` or `faulted`.
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
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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

/// Of so many turns the ratings are asked at once.
const AT_ONCE: usize = 500;
const ATTEMPTS: &str = "SELECT attempts.*, coalesce(state, 'running') AS word,
    (SELECT count(*) FROM usage WHERE usage.turn = attempts.turn AND usage.attempt = attempts.number) AS model_calls,
    (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(CAST(cost AS double precision)), 0) / 1e9 END FROM usage
       WHERE usage.turn = attempts.turn AND usage.attempt = attempts.number) AS cost_usd
  FROM attempts WHERE turn = ? ORDER BY number";

// As numbers with a fraction, so that no sum can overflow.
const SUMMARY: &str = "SELECT turns.*,
    (SELECT fault_code || ': ' || fault_message FROM attempts WHERE turn = turns.id AND state = 'faulted'
       ORDER BY number DESC LIMIT 1) AS last_failure,
    (SELECT count(*) FROM actions WHERE turn = turns.id) AS actions,
    (SELECT count(*) FROM actions WHERE turn = turns.id AND status <> 'ok') AS action_errors,
    (SELECT count(*) FROM outbox WHERE turn = turns.id AND state <> 'delivered') AS undelivered,
    (SELECT count(*) FROM usage WHERE turn = turns.id) AS model_calls,
    (SELECT sum(CAST(input AS double precision)) FROM usage WHERE turn = turns.id) AS input,
    (SELECT sum(CAST(output AS double precision)) FROM usage WHERE turn = turns.id) AS output,
    (SELECT sum(CAST(cache_write_5m AS double precision)) FROM usage WHERE turn = turns.id) AS cache_write_5m,
    (SELECT sum(CAST(cache_write_1h AS double precision)) FROM usage WHERE turn = turns.id) AS cache_write_1h,
    (SELECT sum(CAST(cache_read AS double precision)) FROM usage WHERE turn = turns.id) AS cache_read,
    (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(CAST(cost AS double precision)), 0) / 1e9 END FROM usage
       WHERE turn = turns.id) AS cost_usd
  FROM turns";

impl Ledger {
    /// Turns in a line each, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn list(&self, filter: &TurnFilter) -> Result<Vec<Summary>, LedgerError> {
        let asked = sql(format!(
            "{SUMMARY} WHERE (?1 IS NULL OR email = ?1)
             AND (?2 IS NULL OR CASE WHEN parked_at IS NULL THEN state ELSE 'parked' END = ?2)
             AND (?4 IS NULL OR EXISTS (SELECT 1 FROM attempts WHERE turn = turns.id
                 AND (ended_at IS NULL OR ended_at >= ?4) AND (?5 = 0 OR state = 'faulted')))
             AND (?5 = 0 OR EXISTS (SELECT 1 FROM attempts WHERE turn = turns.id AND state = 'faulted'))
             ORDER BY started_at DESC, id LIMIT ?3"
        ))
        .bind(filter.email.as_deref())
        .bind(filter.state.as_deref())
        .bind(filter.limit.unwrap_or(50))
        .bind(filter.since.map(|since| since.timestamp_millis()))
        .bind(filter.ever_faulted);
        self.read("list turns", move |connection| {
            let rows = connection.rows(asked.clone())?;
            let mut turns: Vec<Summary> = rows.iter().map(summary).collect();
            add_ratings(connection, &mut turns)?;
            Ok(turns)
        })
        .await
    }

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
            let asked = sql(format!("{SUMMARY} WHERE id LIKE ? || '%' LIMIT 2"));
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

/// The ratings of a turn, markers included, in the order in which they were given.
pub(super) fn ratings_of(connection: &mut Connection<'_>, turn: &str) -> Result<Vec<Rating>, LedgerError> {
    let rows = connection.rows(sql("SELECT * FROM ratings WHERE turn = ? ORDER BY rowid").bind(turn))?;
    rows.iter().map(rating).collect()
}

fn rating(row: &Row) -> Result<Rating, LedgerError> {
    let score: i64 = row.get("score")?;
    let read = u8::try_from(score).ok().and_then(|score| Score::try_from(score).ok());
    let score = read.ok_or_else(|| LedgerError::Row { column: "score", value: score.to_string() })?;
    Ok(Rating { module: row.get("module")?, score, notes: row.get("notes")? })
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

fn summary(row: &Row) -> Summary {
    let (summary, unreadable) = Shown::read(row, summarized);
    Summary { unreadable, ..summary }
}

/// Adds the ratings of turns, or what of them cannot be read.
fn add_ratings(connection: &mut Connection<'_>, turns: &mut [Summary]) -> Result<(), LedgerError> {
    for turns in turns.chunks_mut(AT_ONCE) {
        let marks = vec!["?"; turns.len()].join(", ");
        let asked = sql(format!("SELECT * FROM ratings WHERE turn IN ({marks}) ORDER BY rowid"));
        let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in connection.rows(asked.bind_all(turns.iter().map(|own| own.id.as_str())))? {
            rows.entry(row.get("turn")?).or_default().push(row);
        }
        for turn in turns {
            let own = rows.get(&turn.id).map(Vec::as_slice).unwrap_or_default();
            match own.iter().map(rating).collect() {
                Ok(ratings) => turn.ratings = ratings,
                Err::<Vec<_>, LedgerError>(error) => turn.unreadable.push(error.to_string()),
            }
        }
    }
    Ok(())
}

fn summarized(row: &Shown<'_>) -> Summary {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of tokens")]
    let tokens = |column| row.value::<f64>(column).unwrap_or_default() as u64;
    Summary {
        id: row.word("id"),
        persona: row.word("email"),
        archetype: row.word("archetype"),
        state: row.word("state"),
        attempt: row.count("attempt"),
        started_at: row.time("started_at").unwrap_or_default(),
        ended_at: row.time("ended_at"),
        held_until: row.time("held_until"),
        parked_at: row.time("parked_at"),
        strategy: row.text("strategy"),
        settings_hash: row.text("settings_hash"),
        plugin: row.text("plugin"),
        plugin_version: row.text("plugin_version"),
        generation: row.number("generation"),
        plugin_sha256: row.text("plugin_sha256"),
        served_as: row.text("served_as"),
        model: row.text("model"),
        stop_reason: row.text("stop_reason"),
        actions: row.count("actions"),
        action_errors: row.count("action_errors"),
        ratings: Vec::new(),
        model_calls: row.count("model_calls"),
        usage: Usage {
            input: tokens("input"),
            output: tokens("output"),
            cache_write_5m: tokens("cache_write_5m"),
            cache_write_1h: tokens("cache_write_1h"),
            cache_read: tokens("cache_read"),
        },
        cost_usd: row.value("cost_usd"),
        undelivered: row.count("undelivered"),
        fault_stage: row.text("fault_stage"),
        fault_code: row.text("fault_code"),
        fault_message: row.text("fault_message"),
        fault_hint: row.text("fault_hint"),
        skip_reason: row.text("skip_reason"),
        last_failure: row.text("last_failure"),
        unreadable: Vec::new(),
    }
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
