//! One treatment against the control, as part of the report.

use serde::{Deserialize, Serialize};

use super::effect::{Bounds, Estimate, MetricComparison, SignFlip};
use domain::experiment::ArmName;

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
    /// Blocks in which the arms differ most, the largest difference first.
    #[serde(default)]
    pub disagreements: Vec<Disagreement>,
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
    /// Why it is none for new personas, where the planned rounds of a crossover are over.
    #[serde(default)]
    pub population_because: Option<String>,
    /// What the interval at every look came to say, and after which round; each stands until the next. Nothing of a
    /// verdict that is spoken once.
    #[serde(default)]
    pub crossings: Vec<Crossing>,
    /// The verdict in one sentence, numbers included.
    pub sentence: String,
    /// Why it is this one and no other.
    pub because: String,
    /// The one finding that most speaks against it, if any.
    pub caveat: Option<String>,
}

/// From this round on the interval at every look said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Crossing {
    /// After this many rounds.
    pub round: u32,
    /// What it said.
    pub outcome: Outcome,
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

impl Outcome {
    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
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
    /// Of a split design: the arm that it played.
    #[serde(default)]
    pub arm: Option<ArmName>,
    /// Pairs; of a split design, values.
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
    /// Without some one persona the verdict is another.
    pub one_persona_decides: bool,
    /// Those personas, the one first without whom the effect is farthest from what it is. None of a verdict that is
    /// inconclusive anyway.
    #[serde(default)]
    pub decisive: Vec<Decisive>,
}

/// A persona without whom the verdict is another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decisive {
    /// Who.
    pub persona: String,
    /// The effect that is left.
    pub effect: f64,
    /// The verdict that is left.
    pub outcome: Outcome,
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

/// A block in which the arms differ much: two turns to read side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// Whose.
    pub persona: String,
    /// Which block, from 0.
    pub block: u32,
    /// The mean over what both arms have in it.
    pub control: f64,
    /// See `control`.
    pub treatment: f64,
    /// The turn of the control, where its id is known.
    pub control_turn: Option<String>,
    /// The turn of the treatment, where its id is known.
    pub treatment_turn: Option<String>,
}

/// What it takes to decide.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Planning {
    /// The effect that 80 of 100 experiments like this one, at its planned end, would find among new personas.
    pub detectable: Option<f64>,
    /// Rounds in all, after which the anytime interval leaves out zero or lies within the margin, if the effect stays
    /// what it is: of this plan, or of a new one that is planned for so many.
    pub rounds_to_decide: Option<u32>,
    /// This plan ends before. A new one begins anew: nothing that was played here counts there.
    #[serde(default)]
    pub begins_anew: bool,
    /// US dollars from here to there; of a new plan, for all of its rounds.
    pub cost_to_decide: Option<f64>,
    /// Personas that would be needed to find an effect of the margin among new ones.
    pub personas_needed: Option<u32>,
    /// What helps more, in one sentence.
    pub advice: String,
}
