//! The effect by one metric, with every uncertainty that it has, as part of the report.

use serde::{Deserialize, Serialize};

use domain::experiment::Metric;

/// One metric, treatment minus control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricComparison {
    /// Which.
    pub metric: Metric,
    /// Pairs that it is computed from; of a split design, the values of both arms.
    pub n: u64,
    /// Personas behind them.
    pub personas: u64,
    /// The control's mean over personas.
    pub control_mean: Option<f64>,
    /// The treatment's mean over personas.
    pub treatment_mean: Option<f64>,
    /// The effect: the mean over personas of each one's mean difference.
    pub effect: Option<f64>,
    /// The same in parts of the control's mean.
    pub relative: Option<f64>,
    /// The effect with every pair of the same weight.
    pub weighted_by_pairs: Option<f64>,
    /// For these personas: the error is that of their blocks.
    pub catalogue: Option<Estimate>,
    /// For new personas: the error is the spread between personas, with Student's t.
    pub population: Option<Estimate>,
    /// Every pair of the same weight, errors clustered by persona, with Student's t.
    pub clustered: Option<Estimate>,
    /// The exact test that flips the signs of whole personas.
    pub sign_flip: Option<SignFlip>,
    /// Valid however often one looks.
    pub anytime: Option<Anytime>,
    /// Won and lost rounds, valid however often one looks.
    pub sign_e: Option<SignE>,
    /// Of yes-or-no metrics: the exact test on blocks that disagree.
    pub mcnemar: Option<McNemar>,
    /// Of `tool-success`: all good calls over all calls, by the delta method with the persona as unit, while the other
    /// numbers are means of turns.
    #[serde(default)]
    pub ratio: Option<Estimate>,
    /// The p-value after correction for the others of its family.
    pub adjusted: Option<Adjusted>,
}

/// An effect with its uncertainty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// The effect.
    pub effect: f64,
    /// Its standard error.
    pub se: f64,
    /// Degrees of freedom; none for the normal distribution.
    pub df: Option<f64>,
    /// The two-sided interval at 1 − alpha.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Two-sided.
    pub p: f64,
}

/// The exact test that flips the signs of whole personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignFlip {
    /// Two-sided.
    pub p: f64,
    /// Every assignment of signs was looked at; otherwise 100 000 seeded ones.
    pub exact: bool,
    /// The smallest p-value that this many personas can reach: 2/2^G.
    pub floor: f64,
}

/// Valid however often one looks: the asymptotic confidence sequence on the means of rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anytime {
    /// Rounds.
    pub rounds: u64,
    /// The effect: the mean of the rounds.
    pub effect: f64,
    /// The interval at 1 − alpha, alpha shared among the treatments.
    pub low: f64,
    /// See `low`.
    pub high: f64,
    /// Two-sided.
    pub p: f64,
}

/// The sign e-value: evidence from won and lost rounds alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignE {
    /// Rounds that the treatment won.
    pub wins: u64,
    /// Rounds that it lost.
    pub losses: u64,
    /// Evidence against "both are alike"; 1/alpha is enough.
    pub e: f64,
    /// The largest so far.
    pub max_e: f64,
    /// 1 over the largest, at most 1.
    pub p: f64,
}

/// The exact test on blocks where exactly one arm said yes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct McNemar {
    /// Only the treatment said yes.
    pub treatment_only: u64,
    /// Only the control said yes.
    pub control_only: u64,
    /// Two-sided.
    pub p: f64,
    /// The difference of the rates with Newcombe's interval.
    pub difference: f64,
    /// See `difference`.
    pub low: f64,
    /// See `difference`.
    pub high: f64,
    /// The chance that the treatment's rate is the higher one, every turn by itself and each rate with a uniform
    /// prior. For display: turns of one persona are alike, so it is too sure.
    #[serde(default)]
    pub chance_higher: Option<f64>,
}

/// A p-value after correction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Adjusted {
    /// `holm` or `benjamini-hochberg`.
    pub method: String,
    /// How many tests are in the family.
    pub family: u64,
    /// After correction.
    pub p: f64,
}

/// Two ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// The lower.
    pub low: f64,
    /// The upper.
    pub high: f64,
}
