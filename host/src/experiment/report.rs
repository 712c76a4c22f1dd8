//! What an experiment shows, as a value: the schema of `--json`, and what every view is drawn from. A view
//! prints these numbers and computes none.
//!
//! Numbers that cannot be computed are `null`, never zero. Effects are treatment minus control, in the unit of
//! the metric.

use serde::{Deserialize, Serialize};

use crate::domain::experiment::{ArmName, Metric, Plan};
pub use crate::domain::experiment::{Phase, PhaseArm};

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
    /// Its interval: Wilson's for rates, Student's over personas otherwise.
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
}

/// One treatment against the control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The control.
    pub control: ArmName,
    /// The treatment.
    pub treatment: ArmName,
    /// What follows.
    pub verdict: Verdict,
    /// The measure that decides.
    pub primary: MetricComparison,
    /// The others, corrected among themselves.
    pub secondary: Vec<MetricComparison>,
    /// What must not get worse.
    pub guardrails: Vec<GuardrailComparison>,
    /// The primary measure in the order of its values.
    pub ordinal: Ordinal,
    /// Module by module; exploratory.
    pub modules: Vec<ModuleComparison>,
    /// Persona by persona.
    pub personas: Vec<PersonaEffect>,
    /// The effect without one persona.
    pub leave_one_out: Option<LeaveOneOut>,
    /// The effect as it came in, round by round.
    pub course: Vec<Look>,
    /// What the effect would be if every missing rating were the worst, or the best, for the treatment.
    pub bounds: Option<Bounds>,
    /// The same question asked in other ways.
    pub robustness: Vec<Robustness>,
    /// What it takes to decide.
    pub planning: Planning,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// One of four.
    pub outcome: Outcome,
    /// Whom it speaks about: `catalogue` (these personas) or `population` (new ones like them).
    pub scope: Scope,
    /// The same for new personas; by the persona-level interval, at the planned end.
    pub population: Outcome,
    /// The verdict in one sentence, numbers included.
    pub sentence: String,
    /// Why it is this one and no other.
    pub because: String,
    /// The one finding that most speaks against it, if any.
    pub caveat: Option<String>,
}

/// One of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The treatment is better than the control.
    Better,
    /// The treatment is worse than the control.
    Worse,
    /// The two differ by less than the margin.
    Equivalent,
    /// None of the three can be said.
    Inconclusive,
}

/// Whom a number speaks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// These personas.
    Catalogue,
    /// New personas like these.
    Population,
}

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

/// A metric that must not get worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardrailComparison {
    /// By how much it may be worse.
    pub margin: f64,
    /// The end of the one-sided interval at 1 − alpha on the bad side.
    pub worst: Option<f64>,
    /// It is not worse by the margin: true, or not shown.
    pub holds: bool,
    /// It is worse by more than the margin: shown.
    pub broken: bool,
    /// The numbers.
    pub comparison: MetricComparison,
}

/// The order of values, which 1 to 5 are sure of while their distances are not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ordinal {
    /// Pairs that the treatment won.
    pub wins: u64,
    /// Pairs alike.
    pub ties: u64,
    /// Pairs that it lost.
    pub losses: u64,
    /// (wins − losses) / pairs.
    pub dominance: Option<f64>,
    /// The chance that the treatment's is the better one of a pair, a tie counted half.
    pub superiority: Option<f64>,
    /// The sign test on the pairs that are no tie. Pairs of one persona are alike, so it is too sure.
    pub sign_p: Option<f64>,
    /// Wilcoxon's signed ranks on the effects of the personas, zeros by Pratt's rule.
    pub wilcoxon_p: Option<f64>,
    /// Cliff's delta of all ratings, unpaired.
    pub cliffs_delta: Option<f64>,
    /// `negligible`, `small`, `medium` or `large`.
    pub magnitude: Option<String>,
    /// Brunner and Munzel's test on the personas' means, unpaired.
    pub brunner_munzel_p: Option<f64>,
}

/// One module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleComparison {
    /// Which.
    pub module: String,
    /// The part of the control's turns that used it.
    pub control_usage: Option<f64>,
    /// The part of the treatment's turns that used it.
    pub treatment_usage: Option<f64>,
    /// Blocks where both arms used and rated it.
    pub n: u64,
    /// Mean rating over all of the control's turns that rated it.
    pub control_mean: Option<f64>,
    /// Mean rating over all of the treatment's turns that rated it.
    pub treatment_mean: Option<f64>,
    /// The effect on blocks where both rated it, for new personas.
    pub estimate: Option<Estimate>,
    /// The exact test.
    pub sign_flip: Option<SignFlip>,
    /// Corrected among the modules (Holm).
    pub holm: Option<f64>,
    /// Corrected among the modules (Benjamini and Hochberg).
    pub benjamini_hochberg: Option<f64>,
    /// The effect if every turn had used it, with the worst and the best of ratings where there are none.
    pub bounds: Option<Bounds>,
}

/// One persona.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonaEffect {
    /// Which.
    pub persona: String,
    /// Pairs.
    pub n: u64,
    /// Blocks.
    pub blocks: u64,
    /// Its mean difference. Of a split design: its own mean less the mean of the other arm.
    pub effect: f64,
    /// Its interval from the spread of its blocks, if it has two.
    pub low: Option<f64>,
    /// See `low`.
    pub high: Option<f64>,
}

/// The effect without one persona.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaveOneOut {
    /// The smallest effect that is left.
    pub low: f64,
    /// Without whom.
    pub low_without: String,
    /// The largest effect that is left.
    pub high: f64,
    /// Without whom.
    pub high_without: String,
    /// Without some one persona the sign, or the significance at persona level, is another.
    pub one_persona_decides: bool,
}

/// The effect as it stood after a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// After this many rounds.
    pub round: u32,
    /// The mean of the rounds.
    pub effect: f64,
    /// The interval that is valid at every look; none before the tenth round.
    pub low: Option<f64>,
    /// See `low`.
    pub high: Option<f64>,
    /// The sign e-value.
    pub e: f64,
    /// US dollars spent until then, if known.
    pub cost: Option<f64>,
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

/// The same question asked in another way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Robustness {
    /// Which, such as `first in block only`.
    pub name: String,
    /// The effect.
    pub effect: Option<f64>,
    /// Its interval.
    pub low: Option<f64>,
    /// See `low`.
    pub high: Option<f64>,
    /// The sign is that of the primary effect.
    pub same_sign: Option<bool>,
}

/// What it takes to decide.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planning {
    /// The effect that 80 of 100 experiments like this one, at its planned end, would find among new personas.
    pub detectable: Option<f64>,
    /// Rounds in all, after which the anytime interval is about as narrow as the margin.
    pub rounds_to_decide: Option<u32>,
    /// US dollars from here to there.
    pub cost_to_decide: Option<f64>,
    /// Personas that would be needed to find an effect of the margin among new ones.
    pub personas_needed: Option<u32>,
    /// What helps more, in one sentence.
    pub advice: String,
}
