//! What came of the turns of an experiment, as observations.

use std::collections::BTreeMap;

use super::database::{Connection, Row, sql};
use super::phases::phase_arm;
use super::row::whole;
use super::{Ledger, LedgerError};
use domain::experiment::{ArmName, PhaseArm};
use domain::observation::{Observation, Reached};

const READ: &str = "read what came of an experiment";

/// A turn that came into the experiment, with what served it.
#[derive(Clone, Debug)]
pub struct Played {
    /// What came of it.
    pub observation: Observation,
    /// What the arm was made of, if the persona was exposed to it.
    pub exposed: Option<PhaseArm>,
    /// The digest of the persona's system prompt, if it was.
    pub persona_sha256: Option<String>,
    /// When it began, in milliseconds since the epoch.
    pub started_ms: i64,
    /// How often it was begun: more than once after a fault that passes, such as a rate limit. An orderly
    /// stop is no fault.
    pub attempts: u32,
}

/// What an experiment's turns left.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    /// Every turn that is over.
    pub played: Vec<Played>,
    /// What is in the way of reading others.
    pub unreadable: Vec<String>,
}

impl Ledger {
    /// Every turn of an experiment that is over, by persona, block and place. A turn is one observation,
    /// however often it was begun. How long it took is not known when the end of an attempt was not seen (the program
    /// ended in its middle) or lies before its beginning (the clock was set back).
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn played(&self, key: &str, version: u32) -> Result<Turns, LedgerError> {
        let key = key.to_owned();
        let (rows, modules, before) = self
            .read(READ, move |connection| {
                let rows = connection.rows(sql(PLAYED).bind(&key).bind(version))?;
                let modules = modules_of(connection, &key, version)?;
                let began = rows.iter().filter_map(|row| row.get("started_at").ok()).min();
                Ok((rows, modules, mean_ratings(connection, began)?))
            })
            .await?;
        let mut turns = Turns::default();
        for row in &rows {
            match played(row, &modules, &before) {
                Err(error) if error.is_of_one_row() => turns.unreadable.push(error.to_string()),
                turn => turns.played.push(turn?),
            }
        }
        Ok(turns)
    }

    /// What changes whenever a report of this experiment may: its versions, phases and exposures, its turns with their
    /// attempts and ends, and how many turns have ended since it began that had begun before, of whose ratings it makes use.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn mark_of(&self, key: &str) -> Result<String, LedgerError> {
        let row = self.one(READ, sql(MARK).bind(key)).await?;
        let marks = ["versions", "phases", "exposures", "assigned", "attempts", "over", "latest", "late"];
        let marks: Vec<String> = (marks.into_iter())
            .map(|column| Ok(row.get::<Option<i64>>(column)?.unwrap_or_default().to_string()))
            .collect::<Result<_, LedgerError>>()?;
        Ok(marks.join(" "))
    }

    /// By address the mean of all ratings that a persona gave outside of experiments, in turns that began before this instant
    /// (milliseconds since the epoch) if there is one.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn mean_ratings(&self, before: Option<i64>) -> Result<BTreeMap<String, f64>, LedgerError> {
        self.read(READ, move |connection| mean_ratings(connection, before)).await
    }
}

/// Every turn of an experiment that is over. What it used outlasts its steps.
const PLAYED: &str = "SELECT assignments.turn AS turn, assignments.persona AS persona, block, place, arm, phase, state, stopped,
        stop_reason, attempt - uncounted AS attempt, started_at, fault_code,
        (SELECT CASE WHEN min(CASE WHEN ended_at >= begun_at AND coalesce(fault_code, '') NOT IN ('interrupted', 'ledger-away') THEN 1
                WHEN ended_at IS NULL AND coalesce(fault_code, '') NOT IN ('interrupted', 'ledger-away') THEN NULL ELSE 0 END) = 1
            THEN sum(CAST(ended_at AS double precision) - begun_at) / 1000 END
            FROM attempts WHERE turn = turns.id) AS took,
        turns.plugin_sha256 IS NULL AS unserved, exposures.turn IS NOT NULL AS exposed,
        exposures.strategy, exposures.plugin, exposures.plugin_sha256, exposures.settings_hash,
        exposures.model, exposures.tools_sha256, persona_sha256,
        (SELECT count(DISTINCT key) FROM usage WHERE usage.turn = turns.id AND usage.phase = 'main') AS rounds,
        (SELECT count(DISTINCT key) FROM usage WHERE usage.turn = turns.id AND usage.phase = 'rating') AS replies,
        (SELECT coalesce(sum(CAST(input AS double precision) + output + cache_write_5m + cache_write_1h + cache_read), 0)
            FROM usage WHERE usage.turn = turns.id) AS tokens,
        (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(CAST(cost AS double precision)), 0) / 1e9 END FROM usage
            WHERE usage.turn = turns.id) AS cost
    FROM assignments JOIN turns ON turns.id = assignments.turn
        LEFT JOIN exposures ON exposures.turn = assignments.turn
    WHERE assignments.experiment = ? AND assignments.version = ? AND state != 'running'
    ORDER BY assignments.persona, block, place";

const MARK: &str = "SELECT (SELECT count(*) FROM experiments WHERE key = ?1) AS versions,
        (SELECT count(*) FROM phases WHERE experiment = ?1) AS phases, count(exposures.turn) AS exposures,
        count(*) AS assigned, CAST(sum(attempt) AS BIGINT) AS attempts, count(CASE WHEN state = 'running' THEN NULL ELSE 1 END) AS over,
        max(ended_at) AS latest,
        (SELECT count(*) FROM turns AS earlier WHERE earlier.started_at < min(turns.started_at)
            AND earlier.ended_at >= min(turns.started_at)) AS late
    FROM assignments JOIN turns ON turns.id = assignments.turn LEFT JOIN exposures ON exposures.turn = assignments.turn
    WHERE assignments.experiment = ?1";

fn mean_ratings(
    connection: &mut Connection<'_>,
    before: Option<i64>,
) -> Result<BTreeMap<String, f64>, LedgerError> {
    let asked = sql("SELECT email, avg(CAST(score AS double precision)) AS mean
         FROM ratings JOIN turns ON turns.id = ratings.turn
         WHERE substr(module, 1, 2) != '__' AND started_at < ?
             AND turn NOT IN (SELECT turn FROM assignments) GROUP BY email");
    let rows = connection.rows(asked.bind(before.unwrap_or(i64::MAX)))?;
    rows.iter().map(|row| Ok((row.get("email")?, row.get("mean")?))).collect()
}

/// By turn and module: tool calls, failed ones, and the rating.
fn modules_of(connection: &mut Connection<'_>, key: &str, version: u32) -> Result<Modules, LedgerError> {
    let own = "turn IN (SELECT turn FROM assignments WHERE experiment = ?1 AND version = ?2)";
    let asked = sql(format!(
        "SELECT turn, module, sum(CAST(calls AS double precision)) AS calls,
             sum(CAST(failed AS double precision)) AS failed, max(score) AS score FROM (
                 SELECT turn, module, 1 AS calls, CASE WHEN status != 'ok' THEN 1 ELSE 0 END AS failed,
                     CAST(NULL AS BIGINT) AS score FROM actions WHERE {own}
                 UNION ALL SELECT turn, module, 0, 0, score FROM ratings WHERE {own}) AS used
         GROUP BY turn, module"
    ));
    let mut modules: Modules = BTreeMap::new();
    for row in connection.rows(asked.bind(key).bind(version))? {
        let used = Used { calls: row.get("calls")?, failed: row.get("failed")?, score: row.get("score")? };
        modules.entry(row.get("turn")?).or_default().insert(row.get("module")?, used);
    }
    Ok(modules)
}

type Modules = BTreeMap<String, BTreeMap<String, Used>>;

/// What a turn did with a module.
#[derive(Clone, Copy)]
struct Used {
    calls: f64,
    failed: f64,
    score: Option<i64>,
}

fn played(row: &Row, modules: &Modules, before: &BTreeMap<String, f64>) -> Result<Played, LedgerError> {
    let text = |column| row.get::<Option<String>>(column);
    let number = |column: &'static str| -> Result<u32, LedgerError> { whole(column, row.get(column)?) };
    let turn = text("turn")?.unwrap_or_default();
    let nothing = BTreeMap::new();
    let used = modules.get(&turn).unwrap_or(&nothing);
    let state = text("state")?.unwrap_or_default();
    let exposed: bool = row.get("exposed")?;
    let replies = number("replies")?;
    let started_ms: i64 = row.get("started_at")?;
    // No row of an amount below 0 is one that the host wrote.
    let amount = |column: &'static str| {
        Ok::<_, LedgerError>(row.get::<Option<f64>>(column)?.filter(|amount| *amount >= 0.0))
    };
    let real: BTreeMap<String, Option<f64>> = (used.iter())
        .filter(|(module, _)| !module.starts_with("__"))
        .map(|(module, used)| (module.clone(), used.score.map(|score| score as f64)))
        .collect();
    let calls = |of: fn(&Used) -> f64| {
        let own = used.iter().filter(|(module, _)| !module.starts_with("__"));
        own.map(|(_, used)| of(used)).sum::<f64>() as u32
    };
    let persona = text("persona")?.unwrap_or_default();
    let observation = Observation {
        before: before.get(&persona).copied(),
        block: number("block")?,
        arm: ArmName::new(text("arm")?.unwrap_or_default()),
        order: Some(number("place")?),
        phase: row.get::<Option<i64>>("phase")?.map_or(Ok(0), |phase| whole("phase", phase))?,
        reached: reached(exposed, &state, replies, &real),
        actions: Some(calls(|used| used.calls)),
        failed_actions: Some(calls(|used| used.failed)),
        rounds: Some(number("rounds")?),
        unreadable: (replies > 0).then(|| used.contains_key("__parse")),
        refused: Some(text("stop_reason")?.as_deref() == Some("refusal")),
        faulted: Some(match state.as_str() {
            // The host or a budget ended it: that says nothing about the arm.
            "faulted" if row.get("stopped")? => false,
            "faulted" => !matches!(text("fault_code")?.as_deref(), Some("interrupted" | "ledger-away")),
            // In quarantine no build served it: that does.
            "skipped" => row.get("unserved")?,
            _ => false,
        }),
        tokens: amount("tokens")?,
        cost: amount("cost")?,
        latency: amount("took")?,
        modules: real,
        turn: Some(turn),
        // The phase tells.
        stand_in: None,
        persona,
    };
    let exposed = if exposed { Some(phase_arm(row)?) } else { None };
    let (persona_sha256, attempts) = (text("persona_sha256")?, number("attempt")?);
    Ok(Played { observation, exposed, persona_sha256, started_ms, attempts })
}

/// How far a turn came. One that faulted after its day was over is not complete: what it would have been
/// rated is lost with it.
fn reached(exposed: bool, state: &str, replies: u32, modules: &BTreeMap<String, Option<f64>>) -> Reached {
    let complete = matches!(state, "completed" | "idle");
    match (exposed, complete, replies > 0, modules.values().any(Option::is_some)) {
        (false, ..) => Reached::Assigned,
        (true, false, ..) => Reached::Started,
        (true, true, false, _) => Reached::Completed,
        (true, true, true, false) => Reached::Rated,
        (true, true, true, true) => Reached::Parsed,
    }
}
