//! Read models: turns as the command line and the API show them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::row::{instant, json, whole, word};
use super::{Ledger, LedgerError};
use domain::action::Action;
use domain::behavior::Problem;
use domain::experiment::Assignment;
use domain::ids::TurnId;
use domain::rating::Rating;
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
}

/// Everything about one turn.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// The line in the list.
    #[serde(flatten)]
    pub summary: Summary,
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

const ATTEMPTS: &str = "SELECT attempts.*, coalesce(state, 'running') AS word,
    (SELECT count(*) FROM usage JOIN steps ON steps.seq = usage.step
       WHERE steps.turn = attempts.turn AND steps.attempt = attempts.number) AS model_calls,
    (SELECT CASE WHEN count(*) = count(cost) THEN total(cost) / 1e9 END FROM usage JOIN steps ON steps.seq = usage.step
       WHERE steps.turn = attempts.turn AND steps.attempt = attempts.number) AS cost_usd
  FROM attempts WHERE turn = ? ORDER BY number";

const SUMMARY: &str = "SELECT turns.*,
    (SELECT count(*) FROM actions WHERE turn = turns.id) AS actions,
    (SELECT count(*) FROM actions WHERE turn = turns.id AND status <> 'ok') AS action_errors,
    (SELECT json_group_array(json_object('module', module, 'score', score, 'notes', notes))
       FROM (SELECT * FROM ratings WHERE turn = turns.id ORDER BY rowid)) AS ratings,
    (SELECT count(*) FROM outbox WHERE turn = turns.id AND state <> 'delivered') AS undelivered,
    (SELECT count(*) FROM usage WHERE turn = turns.id) AS model_calls,
    (SELECT json_object('input', total(input), 'output', total(output), 'cache_write_5m', total(cache_write_5m),
        'cache_write_1h', total(cache_write_1h), 'cache_read', total(cache_read))
       FROM usage WHERE turn = turns.id) AS usage,
    (SELECT CASE WHEN count(*) = count(cost) THEN total(cost) / 1e9 END FROM usage WHERE turn = turns.id) AS cost_usd
  FROM turns";

impl Ledger {
    /// Turns in a line each, newest first.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn list(&self, filter: &TurnFilter) -> Result<Vec<Summary>, LedgerError> {
        let sql = format!(
            "{SUMMARY} WHERE (?1 IS NULL OR email = ?1)
             AND (?2 IS NULL OR CASE WHEN parked_at IS NULL THEN state ELSE 'parked' END = ?2)
             AND (?4 IS NULL OR EXISTS (SELECT 1 FROM attempts WHERE turn = turns.id
                 AND coalesce(ended_at, begun_at) >= ?4 AND (NOT ?5 OR state = 'faulted')))
             AND (NOT ?5 OR EXISTS (SELECT 1 FROM attempts WHERE turn = turns.id AND state = 'faulted'))
             ORDER BY started_at DESC, id LIMIT ?3"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(filter.email.as_deref())
            .bind(filter.state.as_deref())
            .bind(i64::from(filter.limit.unwrap_or(50)))
            .bind(filter.since.map(|since| since.timestamp_millis()))
            .bind(filter.ever_faulted)
            .fetch_all(&self.readers)
            .await
            .map_err(LedgerError::doing("list turns"))?;
        rows.iter().map(summary).collect()
    }

    /// Everything about the turn whose id is, or begins with, `id`.
    ///
    /// # Errors
    /// When none or more than one does, or the ledger cannot be read.
    pub async fn show(&self, id: &str) -> Result<Recorded, LedgerError> {
        let doing = LedgerError::doing("look up a turn");
        let prefix: String = id.chars().filter(|c| c.is_ascii_hexdigit() || *c == '-').collect();
        if prefix.is_empty() || prefix != id {
            return Err(LedgerError::NoSuchTurn { id: id.to_owned() });
        }
        let sql = format!("{SUMMARY} WHERE id LIKE ? || '%' LIMIT 2");
        let rows =
            sqlx::query(AssertSqlSafe(sql)).bind(prefix).fetch_all(&self.readers).await.map_err(&doing)?;
        match rows.as_slice() {
            [] => Err(LedgerError::NoSuchTurn { id: id.to_owned() }),
            [row] => self.recorded(row).await,
            _ => Err(LedgerError::Ambiguous { id: id.to_owned() }),
        }
    }

    /// Everything about a turn.
    ///
    /// # Errors
    /// When there is no such turn, or the ledger cannot be read.
    pub async fn recorded_turn(&self, turn: TurnId) -> Result<Recorded, LedgerError> {
        self.show(&turn.to_string()).await
    }

    async fn recorded(&self, row: &SqliteRow) -> Result<Recorded, LedgerError> {
        let doing = LedgerError::doing("read a turn");
        let summary = summary(row)?;
        let settings: Option<String> = row.try_get("settings").map_err(&doing)?;
        let id = summary.id.clone();
        let turn = TurnId::parse(&id).map_err(|_| LedgerError::Row { column: "id", value: id.clone() })?;
        Ok(Recorded {
            assignment: self.assignment(turn).await?,
            settings: settings.map(|text| json("settings", &text)).transpose()?,
            final_text: row.try_get("final_text").map_err(&doing)?,
            attempts: self.rows_of(ATTEMPTS, &id, attempt).await?,
            steps: self
                .rows_of("SELECT * FROM steps WHERE turn = ? ORDER BY seq", &id, recorded_step)
                .await?,
            actions: self.actions_of(&id).await?,
            problems: self
                .rows_of("SELECT * FROM problems WHERE turn = ? ORDER BY seq", &id, problem)
                .await?,
            waiting: self
                .rows_of(
                    "SELECT * FROM outbox WHERE turn = ? AND state <> 'delivered' ORDER BY seq",
                    &id,
                    undelivered,
                )
                .await?,
            summary,
        })
    }

    /// The tool calls of a turn, in order.
    pub(super) async fn actions_of(&self, turn: &str) -> Result<Vec<Action>, LedgerError> {
        self.rows_of("SELECT * FROM actions WHERE turn = ? ORDER BY position", turn, action).await
    }

    async fn rows_of<T>(
        &self,
        sql: &'static str,
        turn: &str,
        read: fn(&SqliteRow) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        let rows = sqlx::query(sql)
            .bind(turn)
            .fetch_all(&self.readers)
            .await
            .map_err(LedgerError::doing("read a turn"))?;
        rows.iter().map(read).collect()
    }
}

fn summary(row: &SqliteRow) -> Result<Summary, LedgerError> {
    let doing = LedgerError::doing("read a turn");
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(&doing);
    let number = |column: &'static str| {
        row.try_get::<i64, _>(column).map_err(&doing).and_then(|value| whole::<u32>(column, value))
    };
    let time = |column: &'static str| {
        let millis = row.try_get::<Option<i64>, _>(column).map_err(&doing)?;
        millis.map(|millis| instant(column, millis)).transpose()
    };
    let required =
        |column: &'static str| text(column)?.ok_or(LedgerError::Row { column, value: "null".to_owned() });
    let generation: Option<i64> = row.try_get("generation").map_err(&doing)?;
    // SQLite's `total` gives a float, so that it cannot overflow.
    let usage: Value = json("usage", &required("usage")?)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of tokens")]
    let tokens = |name: &str| usage[name].as_f64().unwrap_or_default() as u64;
    Ok(Summary {
        id: required("id")?,
        persona: required("email")?,
        archetype: required("archetype")?,
        state: required("state")?,
        attempt: number("attempt")?,
        started_at: time("started_at")?
            .ok_or(LedgerError::Row { column: "started_at", value: "null".to_owned() })?,
        ended_at: time("ended_at")?,
        held_until: time("held_until")?,
        parked_at: time("parked_at")?,
        strategy: text("strategy")?,
        settings_hash: text("settings_hash")?,
        plugin: text("plugin")?,
        plugin_version: text("plugin_version")?,
        generation: generation.map(|number| whole("generation", number)).transpose()?,
        plugin_sha256: text("plugin_sha256")?,
        served_as: text("served_as")?,
        model: text("model")?,
        stop_reason: text("stop_reason")?,
        actions: number("actions")?,
        action_errors: number("action_errors")?,
        ratings: json("ratings", &required("ratings")?)?,
        model_calls: number("model_calls")?,
        usage: Usage {
            input: tokens("input"),
            output: tokens("output"),
            cache_write_5m: tokens("cache_write_5m"),
            cache_write_1h: tokens("cache_write_1h"),
            cache_read: tokens("cache_read"),
        },
        cost_usd: row.try_get("cost_usd").map_err(&doing)?,
        undelivered: number("undelivered")?,
        fault_stage: text("fault_stage")?,
        fault_code: text("fault_code")?,
        fault_message: text("fault_message")?,
        fault_hint: text("fault_hint")?,
        skip_reason: text("skip_reason")?,
    })
}

fn attempt(row: &SqliteRow) -> Result<Attempt, LedgerError> {
    let doing = LedgerError::doing("read an attempt");
    let text = |column: &str| row.try_get::<Option<String>, _>(column).map_err(&doing);
    let ended_at: Option<i64> = row.try_get("ended_at").map_err(&doing)?;
    Ok(Attempt {
        number: whole("number", row.try_get("number").map_err(&doing)?)?,
        begun_at: instant("begun_at", row.try_get("begun_at").map_err(&doing)?)?,
        ended_at: ended_at.map(|millis| instant("ended_at", millis)).transpose()?,
        state: row.try_get("word").map_err(&doing)?,
        skip_reason: text("skip_reason")?,
        fault_stage: text("fault_stage")?,
        fault_code: text("fault_code")?,
        fault_message: text("fault_message")?,
        fault_hint: text("fault_hint")?,
        model_calls: whole("model_calls", row.try_get("model_calls").map_err(&doing)?)?,
        cost_usd: row.try_get("cost_usd").map_err(&doing)?,
    })
}

fn recorded_step(row: &SqliteRow) -> Result<RecordedStep, LedgerError> {
    let doing = LedgerError::doing("read a step");
    let intent: String = row.try_get("intent").map_err(&doing)?;
    let result: Option<String> = row.try_get("result").map_err(&doing)?;
    let ended_at: Option<i64> = row.try_get("ended_at").map_err(&doing)?;
    Ok(RecordedStep {
        attempt: whole("attempt", row.try_get("attempt").map_err(&doing)?)?,
        key: row.try_get("key").map_err(&doing)?,
        intent: json("intent", &intent)?,
        result: result.map(|text| json("result", &text)).transpose()?,
        failure: row.try_get("failure").map_err(&doing)?,
        begun_at: instant("begun_at", row.try_get("begun_at").map_err(&doing)?)?,
        ended_at: ended_at.map(|millis| instant("ended_at", millis)).transpose()?,
    })
}

fn action(row: &SqliteRow) -> Result<Action, LedgerError> {
    let doing = LedgerError::doing("read an action");
    let input: String = row.try_get("input").map_err(&doing)?;
    let latency: Option<i64> = row.try_get("latency_ms").map_err(&doing)?;
    Ok(Action {
        index: whole("position", row.try_get("position").map_err(&doing)?)?,
        tool: row.try_get("tool").map_err(&doing)?,
        module: row.try_get("module").map_err(&doing)?,
        input: json("input", &input)?,
        status: word("status", row.try_get("status").map_err(&doing)?)?,
        error: row.try_get("error").map_err(&doing)?,
        latency_ms: latency.map(|latency| whole("latency_ms", latency)).transpose()?,
    })
}

fn problem(row: &SqliteRow) -> Result<Problem, LedgerError> {
    let doing = LedgerError::doing("read a problem");
    Ok(Problem {
        severity: word("severity", row.try_get("severity").map_err(&doing)?)?,
        path: row.try_get("path").map_err(&doing)?,
        message: row.try_get("message").map_err(&doing)?,
    })
}

fn undelivered(row: &SqliteRow) -> Result<UndeliveredPart, LedgerError> {
    let doing = LedgerError::doing("read the outbox");
    Ok(UndeliveredPart {
        part: row.try_get("part").map_err(&doing)?,
        state: row.try_get("state").map_err(&doing)?,
        tries: whole("tries", row.try_get("tries").map_err(&doing)?)?,
        last_error: row.try_get("last_error").map_err(&doing)?,
    })
}
