//! `experiment gate`: the verdict as an exit code, for pipelines.

use std::path::Path;

use serde_json::json;

use super::kept;
use crate::cli::args::Kept;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure};
use crate::experiment::report::{Comparison, Outcome, Report, Status};

/// What a pipeline is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// Every treatment is better or equivalent.
    Passes,
    /// One is worse, or breaks a guardrail.
    Worse,
    /// Nothing can be said yet.
    Inconclusive,
    /// The numbers cannot be trusted.
    Unhealthy,
}

/// Tells the verdict by the exit code. Whatever keeps it from being told ends with 64 or more.
///
/// # Errors
/// When there is no such experiment, or nothing to compare yet.
pub async fn gate(kept: &Kept, config: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let report = kept::record(kept, config).await?.report(kept.phase)?;
    let (gate, why) = judged(&report);
    let exit = gate.exit();
    let document = json!({
        "key": report.plan.key, "phase": report.phase, "gate": gate.name(), "exit": exit.code(), "sentence": why,
    });
    output.print(&document, || format!("{}: {why}\n", gate.name()))?;
    Ok(exit)
}

/// The gate, and the sentence that explains it. The worst of several treatments counts.
fn judged(report: &Report) -> (Gate, String) {
    if let Some(check) = report.health.iter().find(|check| check.status == Status::Unhealthy) {
        return (Gate::Unhealthy, check.message.clone());
    }
    let broken = report.comparisons.iter().flat_map(|own| own.guardrails.iter().map(move |rail| (own, rail)));
    if let Some((own, rail)) = broken.into_iter().find(|(_, rail)| rail.broken) {
        let metric = rail.comparison.metric.name();
        return (Gate::Worse, format!("{} breaks the guardrail {metric}", own.treatment));
    }
    let of = |own: &Comparison| match own.verdict.outcome {
        Outcome::Better | Outcome::Equivalent => Gate::Passes,
        Outcome::Worse => Gate::Worse,
        Outcome::Inconclusive => Gate::Inconclusive,
    };
    let worst = [Gate::Worse, Gate::Inconclusive, Gate::Passes];
    let found = worst
        .into_iter()
        .find_map(|gate| report.comparisons.iter().find(|own| of(own) == gate).map(|own| (gate, own)));
    match found {
        Some((gate, own)) => (gate, own.verdict.sentence.clone()),
        None => (Gate::Inconclusive, "there is nothing to compare".to_owned()),
    }
}

impl Gate {
    fn name(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Worse => "worse",
            Self::Inconclusive => "inconclusive",
            Self::Unhealthy => "unhealthy",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::Passes => Exit::Done,
            Self::Worse => Exit::GateWorse,
            Self::Inconclusive => Exit::GateInconclusive,
            Self::Unhealthy => Exit::GateUnhealthy,
        }
    }
}
