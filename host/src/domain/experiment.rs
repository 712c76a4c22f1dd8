//! An experiment: what is compared with what, on whom, by which measure, and when it is over. All of it is
//! fixed before the first turn, so that nobody can choose afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

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
}

/// The name of one arm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
