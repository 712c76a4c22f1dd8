//! `/api/experiments`: what experiments have found. The page of the same name shows the same reports.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use experiment::page;
use experiment::report::{Outcome, Report, Status};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::error::ApiError;
use super::face::Face;
use super::filters::Named;
use crate::evidence::{NoEvidence, Reports};

/// Every experiment that has begun.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Experiments {
    /// Each of them.
    experiments: Vec<Found>,
}

/// What an experiment has found so far.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// Its key.
    experiment: String,
    /// How far it is, and what follows; null as long as nothing can be compared.
    found: Option<Finding>,
    /// Why there is no verdict yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

/// How far an experiment is, and what follows.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Finding {
    /// What it asks.
    question: String,
    /// The phase that it is in, from 1.
    phase: u32,
    /// Personas with a turn in this phase.
    personas: u64,
    /// Rounds that everybody has finished.
    rounds: u32,
    /// Rounds that were planned.
    planned_rounds: u32,
    /// Whether all that was planned is played.
    over: bool,
    /// US dollars so far; null if a price is not known.
    cost_usd: Option<f64>,
    /// Some turns were played with a scripted Claude: its ratings mean nothing.
    stand_ins: bool,
    /// The worst that a check found: `ok`, `warning` (read with care) or `unhealthy` (do not decide on it).
    #[schemars(with = "String")]
    health: Status,
    /// What checks found that was not all right.
    warnings: Vec<String>,
    /// One for each treatment.
    verdicts: Vec<Verdict>,
}

/// What follows for one treatment.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    /// What is compared.
    comparison: String,
    /// One of `better`, `worse`, `equivalent` and `inconclusive`.
    #[schemars(with = "String")]
    outcome: Outcome,
    /// Whether nothing speaks against it.
    firm: bool,
    /// In one sentence.
    sentence: String,
    /// Why it is this one.
    because: String,
    /// The one reason for which it may be wrong.
    caveat: String,
}

/// The report of an experiment.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Reported(Arc<Report>);

impl JsonSchema for Reported {
    fn schema_name() -> Cow<'static, str> {
        "Reported".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The report of an experiment, as `persona-host experiment report --json` prints it \
                (docs/experiments-report.md): its `plan`, `progress` and `phases`, the checks (`health`), each of the `arms`, and the \
                `comparisons` with verdict, intervals and course.",
            "type": "object",
            "required": ["schema", "plan", "identity", "phase", "phases", "progress", "health", "arms", "comparisons"],
        })
    }
}

/// Every experiment of the ledger.
pub(super) async fn list(
    State(face): State<Face>,
    Extension(reports): Extension<Arc<Reports>>,
) -> Result<Json<Experiments>, ApiError> {
    let ledger = &face.runner.deps().ledger;
    let mut experiments = Vec::new();
    for experiment in ledger.experiment_keys().await? {
        let (found, why_not) = match reports.of(ledger, &experiment).await {
            Ok(report) => (Some(Finding::of(&report)), None),
            Err(NoEvidence::Ledger(error)) => return Err(error.into()),
            Err(why) => (None, Some(why.to_string())),
        };
        experiments.push(Found { experiment, found, why_not });
    }
    Ok(Json(Experiments { experiments }))
}

/// One of them, of which the newest version and its last phase are told.
pub(super) async fn one(
    State(face): State<Face>,
    Extension(reports): Extension<Arc<Reports>>,
    Named(key): Named,
) -> Result<Json<Reported>, ApiError> {
    Ok(Json(Reported(reports.of(&face.runner.deps().ledger, &key).await?)))
}

impl Finding {
    fn of(report: &Report) -> Self {
        let (shown, progress) = (page::page(report), &report.progress);
        let odd = report.health.iter().filter(|check| check.status != Status::Ok);
        let verdicts = shown.rulings.into_iter().map(|own| Verdict {
            firm: own.is_firm(),
            comparison: own.heading,
            outcome: own.outcome,
            sentence: own.sentence,
            because: own.because,
            caveat: own.caveat,
        });
        Self {
            question: shown.question,
            phase: report.phase,
            personas: progress.personas,
            rounds: progress.rounds,
            planned_rounds: progress.planned_rounds,
            over: progress.over,
            cost_usd: progress.cost,
            stand_ins: report.identity.stand_ins,
            health: report.health.iter().map(|check| check.status).max().unwrap_or(Status::Ok),
            warnings: odd.map(|check| format!("{}: {}", check.name, check.message)).collect(),
            verdicts: verdicts.collect(),
        }
    }
}
