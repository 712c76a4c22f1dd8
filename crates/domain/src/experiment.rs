//! An experiment: what is compared with what, on whom, by which measure, and when it is over. All of it is
//! fixed before the first turn, so that nobody can choose afterwards.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::{GenerationNumber, Sha256Hex, StrategyName};
use super::persona::Persona;

/// An experiment as it is registered: the plan, and everything that decides who plays which arm when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Experiment {
    /// What the verdict is computed by.
    pub plan: Plan,
    /// What the arms are, in the order of the plan.
    pub arms: Vec<Arm>,
    /// Who may take part.
    pub who: Who,
    /// The salt of the assignment.
    pub seed: String,
    /// Counted up when everybody is to be assigned anew.
    pub version: u32,
    /// Personas that were assigned under an older version than this take no part.
    pub minimum_version: u32,
    /// The part of the personas that takes part, above 0 and at most 1.
    pub traffic: f64,
    /// The group of experiments of which a persona plays at most one.
    pub exclusive: Option<Exclusive>,
    /// The most that its turns may cost, in US dollars.
    pub budget: Option<f64>,
    /// Nobody is assigned before.
    pub starts: Option<DateTime<Utc>>,
    /// Nobody is assigned from then on.
    pub ends: Option<DateTime<Utc>>,
}

impl Experiment {
    /// The digest of everything that decides who plays what and what follows: an experiment that runs is not changed
    /// in secret. How long it may go on and for how much money can be changed.
    #[must_use]
    pub fn sha256(&self) -> Sha256Hex {
        let fixed = Self { budget: None, starts: None, ends: None, ..self.clone() };
        let written = serde_json::to_vec(&fixed).expect("an experiment has no map with other keys than text");
        Sha256Hex::of(&written)
    }

    /// Its name.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.plan.key
    }

    /// What an arm is.
    #[must_use]
    pub fn arm(&self, name: &ArmName) -> Option<&Arm> {
        self.arms.iter().find(|arm| arm.name == *name)
    }

    /// Whether it assigns turns at this time.
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.starts.is_none_or(|starts| starts <= now) && self.ends.is_none_or(|ends| now < ends)
    }

    /// Why it cannot run beside another one: some persona could be asked to play both at the same time.
    #[must_use]
    pub fn conflict(&self, other: &Self) -> Option<String> {
        let apart =
            |a: &Self, b: &Self| matches!((a.ends, b.starts), (Some(end), Some(start)) if end <= start);
        if apart(self, other) || apart(other, self) || !self.who.may_meet(&other.who) {
            return None;
        }
        let key = other.key();
        match (&self.exclusive, &other.exclusive) {
            (Some(a), Some(b)) if a.group == b.group => {
                let overlap = a.from < b.to && b.from < a.to;
                overlap.then(|| {
                    format!(
                        "its range of the exclusive group {}, {} to {}, overlaps that of {key}, {} to {}: give them ranges that do not, other personas, or other dates",
                        a.group, a.from, a.to, b.from, b.to
                    )
                })
            }
            _ => Some(format!(
                "it may want the same personas as {key} at the same time: give both an exclusive group with ranges that do not overlap, other personas, or other dates"
            )),
        }
    }
}

/// One arm: a strategy, with settings of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Arm {
    /// Its name.
    pub name: ArmName,
    /// The strategy that it plays.
    pub strategy: StrategyName,
    /// Settings that take the place of the strategy's, key by key.
    pub settings: Map<String, Value>,
}

/// Who may take part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    /// Everybody.
    All,
    /// These kinds of persons.
    Archetypes(Vec<String>),
    /// These, by address.
    Personas(Vec<String>),
}

impl Who {
    /// Whether `persona` may take part.
    #[must_use]
    pub fn includes(&self, persona: &Persona) -> bool {
        match self {
            Self::All => true,
            Self::Archetypes(kinds) => kinds.contains(&persona.archetype),
            Self::Personas(emails) => emails.contains(&persona.email),
        }
    }

    /// Whether some persona may be in both; of kinds and addresses nobody knows.
    fn may_meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Archetypes(a), Self::Archetypes(b)) | (Self::Personas(a), Self::Personas(b)) => {
                a.iter().any(|one| b.contains(one))
            }
            _ => true,
        }
    }
}

/// A group of experiments of which a persona plays at most one: each has a range of the group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exclusive {
    /// The group's name.
    pub group: String,
    /// The range begins here; 0 to 1.
    pub from: f64,
    /// And ends before.
    pub to: f64,
}

/// A turn's place in an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// Which experiment.
    pub experiment: String,
    /// Its version.
    pub version: u32,
    /// Which block of the persona, from 0.
    pub block: u32,
    /// Which place in the block, from 0.
    pub place: u32,
    /// The arm.
    pub arm: ArmName,
}

/// A stretch in which nothing but the arm differed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// From 1.
    pub number: u32,
    /// When it was opened (RFC 3339), if known.
    pub opened: Option<String>,
    /// Why: what changed.
    pub why: String,
    /// Turns in it.
    pub turns: u64,
    /// What each arm was made of.
    pub arms: Vec<PhaseArm>,
}

/// What an arm was made of in a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseArm {
    /// The arm.
    pub arm: ArmName,
    /// Its strategy.
    pub strategy: String,
    /// The plugin.
    pub plugin: String,
    /// The digest of its component.
    pub plugin_sha256: String,
    /// The digest of the settings.
    pub settings_hash: String,
    /// The model.
    pub model: String,
    /// The digest of the list of tools.
    pub tools_sha256: Option<String>,
}

impl PhaseArm {
    /// How a model is recorded behind which there is a script, so that its turns are never merged with a model's.
    #[must_use]
    pub fn scripted(model: &str) -> String {
        format!("{model}{SCRIPTED}")
    }

    /// A script gave its ratings, so they mean nothing.
    #[must_use]
    pub fn is_scripted(&self) -> bool {
        Self::is_a_script(&self.model)
    }

    /// A script is recorded by this name, and no model.
    #[must_use]
    pub fn is_a_script(model: &str) -> bool {
        model.ends_with(SCRIPTED)
    }
}

/// What stands behind the name of a model that is none.
const SCRIPTED: &str = " (stand-in)";

/// An arm's prompt was composed for a turn: what it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The arm, and what it is made of.
    pub arm: PhaseArm,
    /// Which loaded build.
    pub generation: GenerationNumber,
    /// The digest of the persona's system prompt.
    pub persona_sha256: Sha256Hex,
}

/// What a verdict is computed by, fixed beforehand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The name of the experiment, and the salt of its assignment unless it has another.
    pub key: String,
    /// What somebody wants to know, in words.
    pub question: String,
    /// Who sees what.
    pub design: Design,
    /// The arms by name, the control first.
    pub arms: Vec<ArmName>,
    /// Each arm's part of the personas in a split, in the same order; they sum to 1. Alike in a crossover, where
    /// everybody plays every arm.
    pub weights: Vec<f64>,
    /// The measure that decides.
    pub primary: Metric,
    /// Measures that are shown beside it, corrected among themselves.
    pub secondary: Vec<Metric>,
    /// Measures that must not get worse.
    pub guardrails: Vec<Guardrail>,
    /// The smallest difference of the primary measure that matters, in its own unit. Two arms that differ by
    /// less are equivalent.
    pub margin: f64,
    /// The accepted rate of false alarms, between 0 and 0.5.
    pub alpha: f64,
    /// How many blocks each persona is meant to finish.
    pub planned_blocks: u32,
    /// When a verdict may be spoken.
    pub stopping: Stopping,
}

impl Plan {
    /// The arm that the others are compared with.
    #[must_use]
    pub fn control(&self) -> &ArmName {
        &self.arms[0]
    }

    /// The arms that are compared with the control.
    #[must_use]
    pub fn treatments(&self) -> &[ArmName] {
        &self.arms[1..]
    }

    /// The part of alpha that each of the treatments has.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a handful of arms")]
    pub fn alpha_of_each(&self) -> f64 {
        self.alpha / self.treatments().len().max(1) as f64
    }
}

/// The name of one arm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ArmName(String);

impl ArmName {
    /// What the control is called unless somebody says otherwise.
    pub const CONTROL: &str = "control";

    /// A name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who sees what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Design {
    /// Each persona plays every arm once per block, in an order that the hash decides.
    Crossover,
    /// Each persona plays one arm for the whole time.
    Split,
}

/// When a verdict may be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopping {
    /// At any time: intervals and p-values stay valid however often one looks.
    Sequential,
    /// Once, when the planned blocks are done.
    Fixed,
}

/// What is measured of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// The ratings, 1 to 5.
    Rating,
    /// The part of tool calls that came back without an error.
    ToolSuccess,
    /// Tool calls of a turn.
    Actions,
    /// Model replies of a turn's main phase.
    Rounds,
    /// Turns whose rating reply could not be read.
    ParseFailures,
    /// Turns that the model refused.
    Refusals,
    /// Turns that ended in a fault.
    Faults,
    /// Tokens of a turn, prompt and reply.
    Tokens,
    /// US dollars of a turn.
    Cost,
    /// Seconds that a turn took.
    Latency,
}

impl Metric {
    /// Each of them.
    pub const ALL: [Self; 10] = [
        Self::Rating,
        Self::ToolSuccess,
        Self::Actions,
        Self::Rounds,
        Self::ParseFailures,
        Self::Refusals,
        Self::Faults,
        Self::Tokens,
        Self::Cost,
        Self::Latency,
    ];

    /// The word in files and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rating => "rating",
            Self::ToolSuccess => "tool-success",
            Self::Actions => "actions",
            Self::Rounds => "rounds",
            Self::ParseFailures => "parse-failures",
            Self::Refusals => "refusals",
            Self::Faults => "faults",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Latency => "latency",
        }
    }

    /// The least and the greatest value that it can have, where there are such.
    #[must_use]
    pub fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::Rating => Some((1.0, 5.0)),
            Self::ToolSuccess | Self::ParseFailures | Self::Refusals | Self::Faults => Some((0.0, 1.0)),
            Self::Actions | Self::Rounds | Self::Tokens | Self::Cost | Self::Latency => None,
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::Rating | Self::ToolSuccess | Self::Actions)
    }
}

/// A measure that must not get worse by more than its margin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Guardrail {
    /// The measure.
    pub metric: Metric,
    /// By how much it may be worse, in its own unit.
    pub margin: f64,
}
