//! What an experiment shows, as a value: the schema of `--json`, and what every view is drawn from. A view
//! prints these numbers and computes none.
//!
//! Numbers that cannot be computed are `null`, never zero. Effects are treatment minus control, in the unit of
//! the metric.

use serde::{Deserialize, Serialize};

mod arm;
mod comparison;
mod effect;

use domain::experiment::Plan;

pub use self::arm::{ArmMetric, ArmSummary, Rater, Reliability, Stages};
pub use self::comparison::{
    Comparison, Crossing, Decisive, Disagreement, GuardrailComparison, LeaveOneOut, Look, ModuleComparison,
    Ordinal, Outcome, PersonaEffect, Planning, Robustness, Scope, Verdict,
};
pub use self::effect::{Adjusted, Anytime, Bounds, Estimate, McNemar, MetricComparison, SignE, SignFlip};
pub use domain::experiment::{Phase, PhaseArm};

/// The version of this schema. A field may be added under it; none is renamed or removed.
pub const SCHEMA: &str = "persona-host/experiment-report/1";

/// Everything about one experiment, in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// What was fixed beforehand.
    pub plan: Plan,
    /// Who and what took part, beyond the plan.
    pub identity: Identity,
    /// The phase that is analysed here.
    pub phase: u32,
    /// Every phase that there was.
    pub phases: Vec<Phase>,
    /// How far it came.
    pub progress: Progress,
    /// Whether the numbers can be trusted.
    pub health: Vec<Check>,
    /// Each arm by itself, the control first.
    pub arms: Vec<ArmSummary>,
    /// Each treatment against the control.
    pub comparisons: Vec<Comparison>,
}

/// What makes a run repeatable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The salt of the assignment.
    pub seed: String,
    /// Which hash (GrowthBook's second).
    pub hash_version: u32,
    /// The digest of the experiment file as it was registered; none for foreign rows.
    pub plan_sha256: Option<String>,
    /// Where the rows are from: `ledger`, or the name of a file.
    pub source: String,
    /// The first and the last turn (RFC 3339), if known.
    pub started: Option<String>,
    /// See `started`.
    pub ended: Option<String>,
    /// Some turns of this phase were played with a scripted Claude, whose ratings mean nothing.
    #[serde(default)]
    pub stand_ins: bool,
}

/// How far an experiment came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Personas with at least one turn in this phase.
    pub personas: u64,
    /// Rounds that every persona finished: a round is one block of everybody.
    pub rounds: u32,
    /// Rounds that were planned.
    pub planned_rounds: u32,
    /// All planned blocks are played: in this phase, or, if it is the last, in this one and those before.
    #[serde(default)]
    pub over: bool,
    /// Blocks in which every arm has a rating.
    pub complete_blocks: u64,
    /// US dollars so far, all phases; none if some price is unknown.
    pub cost: Option<f64>,
}

/// One question about whether the numbers can be trusted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which, such as `srm-completed`, `order-balance`, `carry-over`, `floor`, `attrition`.
    pub name: String,
    /// What was found.
    pub status: Status,
    /// The path of the number that it speaks about, such as `comparisons/primary`, so that a view can put it there.
    pub concerns: String,
    /// The finding in one sentence, with what to do.
    pub message: String,
    /// The p-value, where it is a test.
    pub p: Option<f64>,
}

impl Check {
    /// A check that is no test.
    #[must_use]
    pub fn new(name: &str, status: Status, concerns: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            status,
            concerns: concerns.to_owned(),
            message: message.into(),
            p: None,
        }
    }

    /// The same as a test with this p-value.
    #[must_use]
    pub fn with_p(self, p: Option<f64>) -> Self {
        Self { p, ..self }
    }
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing speaks against it.
    Ok,
    /// Read it with care.
    Warning,
    /// Do not decide on it.
    Unhealthy,
}
