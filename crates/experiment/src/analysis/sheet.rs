//! Observations of one phase, laid out by persona, block and arm, so that nothing depends on their order.

use std::collections::{BTreeMap, BTreeSet};

use domain::experiment::{ArmName, Metric};
use domain::observation::Observation;

/// The turns of one block of a persona, by arm.
pub(super) type Block<'a> = BTreeMap<&'a ArmName, &'a Observation>;

/// One phase.
#[derive(Clone, Debug, Default)]
pub struct Sheet<'a> {
    /// By persona and block.
    pub personas: BTreeMap<&'a str, BTreeMap<u32, Block<'a>>>,
}

/// A persona's paired differences, treatment minus control.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    /// Whose.
    pub persona: &'a str,
    /// By block: the values of control and treatment.
    pub blocks: BTreeMap<u32, Vec<(f64, f64)>>,
}

impl<'a> Sheet<'a> {
    /// Lays out the observations of a phase. The second of two of one persona, block and arm is returned as an
    /// error: one turn is one observation.
    ///
    /// # Errors
    /// See above.
    pub fn of(observations: &'a [Observation], phase: u32) -> Result<Self, &'a Observation> {
        Self::laid_out(observations.iter().filter(|observation| observation.phase == phase))
    }

    /// Lays out the observations of all phases, to count what was played.
    ///
    /// # Errors
    /// See [`Sheet::of`].
    pub fn of_all_phases(observations: &'a [Observation]) -> Result<Self, &'a Observation> {
        Self::laid_out(observations.iter())
    }

    fn laid_out(observations: impl Iterator<Item = &'a Observation>) -> Result<Self, &'a Observation> {
        let mut sheet = Self::default();
        for observation in observations {
            let blocks = sheet.personas.entry(&observation.persona).or_default();
            let block = blocks.entry(observation.block).or_default();
            if block.insert(&observation.arm, observation).is_some() {
                return Err(observation);
            }
        }
        Ok(sheet)
    }

    /// Every turn of an arm, by persona and block.
    pub fn turns(&self, arm: &ArmName) -> impl Iterator<Item = &'a Observation> {
        let arm = arm.clone();
        self.personas
            .values()
            .flat_map(|blocks| blocks.values())
            .filter_map(move |block| block.get(&arm).copied())
    }

    /// The pairs of two arms by one metric, for every persona that has one.
    pub fn pairs(&self, control: &ArmName, treatment: &ArmName, metric: Metric) -> Vec<Pairs<'a>> {
        self.pairs_by(control, treatment, |control, treatment| pairs_of(control, treatment, metric))
    }

    /// The same by any rule that makes pairs of two turns.
    pub fn pairs_by(
        &self,
        control: &ArmName,
        treatment: &ArmName,
        rule: impl Fn(&Observation, &Observation) -> Vec<(f64, f64)>,
    ) -> Vec<Pairs<'a>> {
        let of_persona = |(persona, blocks): (&&'a str, &BTreeMap<u32, Block<'a>>)| {
            let paired = |(number, block): (&u32, &Block<'a>)| {
                let values = rule(block.get(control)?, block.get(treatment)?);
                (!values.is_empty()).then_some((*number, values))
            };
            let blocks: BTreeMap<u32, Vec<(f64, f64)>> = blocks.iter().filter_map(paired).collect();
            (!blocks.is_empty()).then_some(Pairs { persona, blocks })
        };
        self.personas.iter().filter_map(of_persona).collect()
    }

    /// The same without one persona.
    pub fn without(&self, persona: &str) -> Self {
        let mut left = self.clone();
        left.personas.remove(persona);
        left
    }

    /// By persona, the numbers of the blocks in which both arms are over.
    pub fn complete_blocks(&self, control: &ArmName, treatment: &ArmName) -> BTreeMap<&'a str, Vec<u32>> {
        let complete = |blocks: &BTreeMap<u32, Block<'a>>| -> Vec<u32> {
            let both = |block: &&Block<'a>| block.contains_key(control) && block.contains_key(treatment);
            blocks.iter().filter(|(_, block)| both(block)).map(|(number, _)| *number).collect()
        };
        self.personas.iter().map(|(persona, blocks)| (*persona, complete(blocks))).collect()
    }

    /// Of a split design: every persona of an arm with all its values of a metric.
    pub fn values(&self, arm: &ArmName, metric: Metric) -> BTreeMap<&'a str, Vec<f64>> {
        let mut values: BTreeMap<&'a str, Vec<f64>> = BTreeMap::new();
        for turn in self.turns(arm) {
            let own = values_of(turn, metric);
            if !own.is_empty() {
                values.entry(turn.persona.as_str()).or_default().extend(own);
            }
        }
        values
    }

    /// Every module that somebody used.
    pub fn modules(&self) -> BTreeSet<&'a str> {
        let turns =
            self.personas.values().flat_map(|blocks| blocks.values()).flat_map(|block| block.values());
        turns.flat_map(|turn| turn.modules.keys().map(String::as_str)).collect()
    }
}

impl Pairs<'_> {
    /// All differences.
    pub fn differences(&self) -> Vec<f64> {
        self.by_block().concat()
    }

    /// The differences of each block.
    pub fn by_block(&self) -> Vec<Vec<f64>> {
        let differences = |values: &Vec<(f64, f64)>| values.iter().map(|own| own.1 - own.0).collect();
        self.blocks.values().map(differences).collect()
    }

    /// The mean of all differences.
    pub fn effect(&self) -> f64 {
        mean_difference(self.differences().into_iter())
    }
}

/// Sums of differences that should be zero are off by about so much.
const ROUNDING: f64 = 1e-9;

/// The mean of differences. What rounding leaves of a zero has a sign, and that is no evidence.
pub(super) fn mean_difference(values: impl Iterator<Item = f64>) -> f64 {
    let mean = mean(values);
    if mean.abs() < ROUNDING { 0.0 } else { mean }
}

/// The mean; of nothing it is not a number.
#[expect(clippy::cast_precision_loss, reason = "counts of ratings")]
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    sum / count as f64
}

/// The values that a turn has by a metric: one for each rated module, or one.
pub(super) fn values_of(turn: &Observation, metric: Metric) -> Vec<f64> {
    let yes = |truth: Option<bool>| truth.map(|truth| f64::from(u8::from(truth)));
    let one = match metric {
        Metric::Rating => return turn.modules.values().flatten().copied().collect(),
        Metric::ToolSuccess => turn
            .actions
            .zip(turn.failed_actions)
            .and_then(|(all, failed)| (all > 0).then(|| 1.0 - f64::from(failed) / f64::from(all))),
        Metric::Actions => turn.actions.map(f64::from),
        Metric::Rounds => turn.rounds.map(f64::from),
        Metric::ParseFailures => yes(turn.unreadable),
        Metric::Refusals => yes(turn.refused),
        Metric::Faults => yes(turn.faulted),
        Metric::Tokens => turn.tokens,
        Metric::Cost => turn.cost,
        Metric::Latency => turn.latency,
    };
    one.into_iter().collect()
}

/// The pairs of two turns of a block: of ratings, one for each module that both rated.
pub(super) fn pairs_of(control: &Observation, treatment: &Observation, metric: Metric) -> Vec<(f64, f64)> {
    if metric == Metric::Rating {
        let both = |(module, rating): (&String, &Option<f64>)| {
            Some(((*rating)?, treatment.modules.get(module).copied().flatten()?))
        };
        return control.modules.iter().filter_map(both).collect();
    }
    values_of(control, metric).into_iter().zip(values_of(treatment, metric)).collect()
}
