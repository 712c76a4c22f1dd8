//! One arm by itself, as part of the report.

use serde::{Deserialize, Serialize};

use domain::experiment::{ArmName, Metric};

/// One arm by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmSummary {
    /// The arm.
    pub arm: ArmName,
    /// Turns that came as far as each stage.
    pub stages: Stages,
    /// How many ratings of 1, 2, 3, 4 and 5; a rating between two counts for the nearer.
    pub distribution: [u64; 5],
    /// Modules that were used and have no rating.
    pub missing_ratings: u64,
    /// Each metric with a value.
    pub metrics: Vec<ArmMetric>,
    /// How often several turns of a persona in a row end without a fault.
    #[serde(default)]
    pub reliability: Vec<Reliability>,
    /// How the ratings look.
    pub rater: Rater,
    /// US dollars per rating point above 1, if known.
    pub cost_per_point: Option<f64>,
}

/// Turns that came as far as each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stages {
    /// Given the arm.
    pub assigned: u64,
    /// Exposed to it.
    pub started: u64,
    /// Ended without a fault.
    pub completed: u64,
    /// Replied to the question for ratings.
    pub rated: u64,
    /// At least one rating read.
    pub parsed: u64,
}

/// The chance that several turns of a persona all end without a fault (pass^k of tau-bench): a strategy that
/// completes nine turns of ten completes four in a row two times of three.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reliability {
    /// How many turns.
    pub turns: u64,
    /// The mean over the personas that have so many.
    pub chance: f64,
}

/// One metric of one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmMetric {
    /// Which.
    pub metric: Metric,
    /// How many values.
    pub n: u64,
    /// The mean; of ratings the mean over all of them, of rates the part of turns.
    pub mean: Option<f64>,
    /// Its interval: Wilson's for rates, otherwise Student's with errors clustered by persona.
    pub low: Option<f64>,
    /// See `low`.
    pub high: Option<f64>,
    /// The middle value.
    pub median: Option<f64>,
    /// The value that 95 of 100 do not exceed.
    pub p95: Option<f64>,
}

/// How ratings look; synthetic raters are often too even and too kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rater {
    /// ICC(1): the part of the variance that is between personas. Below 0.1 the personas hardly differ.
    pub icc: Option<f64>,
    /// The part of ratings that are the commonest one.
    pub mode_share: Option<f64>,
    /// Entropy of the five values over its maximum, 0 to 1.
    pub entropy: Option<f64>,
    /// The standard deviation of the ratings over that of ratings spread evenly from 1 to 5 (√2).
    pub compression: Option<f64>,
    /// Whether turns in which more tool calls came back without an error are rated higher: the rank correlation
    /// (Spearman's, −1 to +1) of a turn's mean rating with that part. Near 0 what personas say and what they met
    /// have nothing to do with each other.
    #[serde(default)]
    pub say_do: Option<f64>,
}
