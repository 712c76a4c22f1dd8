//! What came of the turns of an experiment, as observations.

use std::collections::BTreeMap;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

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
        let rows = sqlx::query(
            "SELECT assignments.turn AS turn, assignments.persona AS persona, block, place, arm, phase, state,
                 stop_reason, attempt - uncounted AS attempt, started_at, fault_code,
                 (SELECT CASE WHEN min(ended_at >= begun_at AND fault_code IS NOT 'interrupted')
                     THEN total(ended_at - begun_at) / 1000 END FROM attempts WHERE turn = turns.id) AS took,
                 turns.plugin_sha256 IS NULL AS unserved, exposures.turn IS NOT NULL AS exposed,
                 exposures.strategy, exposures.plugin, exposures.plugin_sha256, exposures.settings_hash,
                 exposures.model, exposures.tools_sha256, persona_sha256,
                 (SELECT count(DISTINCT steps.key) FROM usage JOIN steps ON steps.seq = usage.step
                    WHERE usage.turn = turns.id AND usage.phase = 'main') AS rounds,
                 (SELECT count(DISTINCT steps.key) FROM usage JOIN steps ON steps.seq = usage.step
                    WHERE usage.turn = turns.id AND usage.phase = 'rating') AS replies,
                 (SELECT total(input + output + cache_write_5m + cache_write_1h + cache_read) FROM usage
                    WHERE usage.turn = turns.id) AS tokens,
                 (SELECT CASE WHEN count(*) = count(cost) THEN total(cost) / 1e9 END FROM usage
                    WHERE usage.turn = turns.id) AS cost
             FROM assignments JOIN turns ON turns.id = assignments.turn
                 LEFT JOIN exposures ON exposures.turn = assignments.turn
             WHERE assignments.experiment = ? AND assignments.version = ? AND state != 'running'
             ORDER BY assignments.persona, block, place",
        )
        .bind(key)
        .bind(i64::from(version))
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        let modules = self.modules_of(key, version).await?;
        let began = rows.iter().filter_map(|row| row.try_get("started_at").ok()).min();
        let before = self.mean_ratings(began).await?;
        let mut turns = Turns::default();
        for row in &rows {
            match played(row, &modules, &before) {
                Err(error) if error.is_of_one_row() => turns.unreadable.push(error.to_string()),
                turn => turns.played.push(turn?),
            }
        }
        Ok(turns)
    }

    /// By address the mean of all ratings that a persona gave outside of experiments, in turns that began before this instant
    /// (milliseconds since the epoch) if there is one.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn mean_ratings(&self, before: Option<i64>) -> Result<BTreeMap<String, f64>, LedgerError> {
        let rows = sqlx::query_as::<_, (String, f64)>(
            "SELECT email, avg(score) FROM ratings JOIN turns ON turns.id = ratings.turn
             WHERE substr(module, 1, 2) != '__' AND started_at < ?
                 AND turn NOT IN (SELECT turn FROM assignments) GROUP BY email",
        )
        .bind(before.unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        Ok(rows.into_iter().collect())
    }

    /// By turn and module: tool calls, failed ones, and the rating.
    async fn modules_of(&self, key: &str, version: u32) -> Result<Modules, LedgerError> {
        let rows = sqlx::query(
            "SELECT turn, module, total(calls) AS calls, total(failed) AS failed, max(score) AS score FROM (
                 SELECT turn, module, 1 AS calls, status != 'ok' AS failed, NULL AS score FROM actions
                 UNION ALL SELECT turn, module, 0, 0, score FROM ratings)
             WHERE turn IN (SELECT turn FROM assignments WHERE experiment = ? AND version = ?)
             GROUP BY turn, module",
        )
        .bind(key)
        .bind(i64::from(version))
        .fetch_all(&self.readers)
        .await
        .map_err(LedgerError::doing(READ))?;
        let mut modules: Modules = BTreeMap::new();
        for row in rows {
            let doing = LedgerError::doing(READ);
            let turn: String = row.try_get("turn").map_err(&doing)?;
            let module: String = row.try_get("module").map_err(&doing)?;
            let used = Used {
                calls: row.try_get("calls").map_err(&doing)?,
                failed: row.try_get("failed").map_err(&doing)?,
                score: row.try_get("score").map_err(&doing)?,
            };
            modules.entry(turn).or_default().insert(module, used);
        }
        Ok(modules)
    }
}

type Modules = BTreeMap<String, BTreeMap<String, Used>>;

/// What a turn did with a module.
#[derive(Clone, Copy)]
struct Used {
    calls: f64,
    failed: f64,
    score: Option<i64>,
}

fn played(row: &SqliteRow, modules: &Modules, before: &BTreeMap<String, f64>) -> Result<Played, LedgerError> {
    let doing = LedgerError::doing(READ);
    let text = |column| row.try_get::<Option<String>, _>(column).map_err(LedgerError::doing(READ));
    let number = |column: &'static str| -> Result<u32, LedgerError> {
        whole(column, row.try_get(column).map_err(LedgerError::doing(READ))?)
    };
    let turn = text("turn")?.unwrap_or_default();
    let nothing = BTreeMap::new();
    let used = modules.get(&turn).unwrap_or(&nothing);
    let state = text("state")?.unwrap_or_default();
    let exposed: bool = row.try_get("exposed").map_err(&doing)?;
    let replies = number("replies")?;
    let started_ms: i64 = row.try_get("started_at").map_err(&doing)?;
    // No row of an amount below 0 is one that the host wrote.
    let amount = |column: &'static str| {
        let amount = row.try_get::<Option<f64>, _>(column).map_err(LedgerError::doing(READ))?;
        Ok::<_, LedgerError>(amount.filter(|amount| *amount >= 0.0))
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
        phase: row
            .try_get::<Option<i64>, _>("phase")
            .map_err(&doing)?
            .map_or(Ok(0), |phase| whole("phase", phase))?,
        reached: reached(exposed, &state, replies, &real),
        actions: Some(calls(|used| used.calls)),
        failed_actions: Some(calls(|used| used.failed)),
        rounds: Some(number("rounds")?),
        unreadable: (replies > 0).then(|| used.contains_key("__parse")),
        refused: Some(text("stop_reason")?.as_deref() == Some("refusal")),
        faulted: Some(match state.as_str() {
            // The host ended it: that says nothing about the arm.
            "faulted" => !matches!(text("fault_code")?.as_deref(), Some("interrupted" | "stopping")),
            // In quarantine no build served it: that does.
            "skipped" => row.try_get("unserved").map_err(&doing)?,
            _ => false,
        }),
        tokens: amount("tokens")?,
        cost: amount("cost")?,
        latency: amount("took")?,
        modules: real,
        turn: Some(turn),
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
