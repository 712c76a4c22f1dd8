//! A fair split: of many seeds the one under which the arms are most alike before anything was played.

use std::collections::BTreeMap;
use std::fmt;

use super::{is_in_group, next};
use crate::statistics::Moments;
use domain::experiment::{ArmName, Experiment};

/// So many seeds are tried; more hardly find a better one.
const SEEDS: u32 = 100;

/// A unit as far as fairness cares.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What is assigned.
    pub id: String,
    /// What kind it is of; each should be spread over the arms.
    pub traits: Vec<String>,
    /// How it rated before, if it did.
    pub before: Option<f64>,
}

/// How alike the arms are under one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Dealt {
    /// The seed.
    pub seed: String,
    /// 0 if the arms have the sizes that were meant, the same part of each trait, and the same mean from before.
    /// Each of these adds its chi-square statistic.
    pub imbalance: f64,
}

impl fmt::Display for Dealt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.imbalance.is_finite() {
            write!(f, "{:.2}", self.imbalance)
        } else {
            f.write_str("∞ (an arm has nobody)")
        }
    }
}

/// How alike the arms of a split are under the experiment's own seed. Infinite if an arm has nobody.
#[must_use]
pub fn dealt(experiment: &Experiment, units: &[Unit]) -> Dealt {
    let mut arms: BTreeMap<ArmName, Vec<&Unit>> =
        experiment.arms.iter().map(|arm| (arm.name.clone(), Vec::new())).collect();
    let in_group = |unit: &&Unit| {
        let group = experiment.exclusive.as_ref();
        group.is_none_or(|own| is_in_group(&unit.id, &own.group, own.from, own.to))
    };
    let mut out = 0;
    for unit in units.iter().filter(in_group) {
        if let Some(assignment) = next(experiment, &unit.id, &[]) {
            arms.entry(assignment.arm).or_default().push(unit);
        } else {
            out += 1;
        }
    }
    let arms: Vec<Vec<&Unit>> = experiment.arms.iter().filter_map(|arm| arms.remove(&arm.name)).collect();
    let imbalance = sizes(&arms, out, experiment) + traits(&arms) + before(&arms);
    Dealt {
        seed: experiment.seed.clone(),
        imbalance: if arms.iter().any(Vec::is_empty) { f64::INFINITY } else { imbalance },
    }
}

/// The fairest of the seeds `KEY`, `KEY/1`, `KEY/2` and so on; of several alike the first.
#[must_use]
pub fn fairest(experiment: &Experiment, units: &[Unit]) -> Dealt {
    let key = experiment.key();
    let seed = |number: u32| if number == 0 { key.to_owned() } else { format!("{key}/{number}") };
    let deal = |number| dealt(&Experiment { seed: seed(number), ..experiment.clone() }, units);
    let first = deal(0);
    (1..SEEDS)
        .map(deal)
        .fold(first, |best, other| if other.imbalance < best.imbalance { other } else { best })
}

/// Who takes no part counts as an arm, too: a seed that lets nobody in is not fair.
fn sizes(arms: &[Vec<&Unit>], out: usize, experiment: &Experiment) -> f64 {
    let all = count(arms.iter().map(Vec::len).sum::<usize>() + out);
    let (traffic, weights) = (experiment.traffic, &experiment.plan.weights);
    let of = |(arm, weight): (&Vec<&Unit>, &f64)| squared(count(arm.len()), all * traffic * weight);
    arms.iter().zip(weights).map(of).sum::<f64>() + squared(count(out), all * (1.0 - traffic))
}

/// The chi-square statistic of each trait against the arms' sizes.
fn traits(arms: &[Vec<&Unit>]) -> f64 {
    let all = count(arms.iter().map(Vec::len).sum());
    let having = |arm: &[&Unit], one: &str| {
        count(arm.iter().filter(|unit| unit.traits.iter().any(|own| own == one)).count())
    };
    let mut known: Vec<&str> =
        arms.iter().flatten().flat_map(|unit| unit.traits.iter().map(String::as_str)).collect();
    known.sort_unstable();
    known.dedup();
    let of = |one: &&str| -> f64 {
        let have: f64 = arms.iter().map(|arm| having(arm, one)).sum();
        arms.iter().map(|arm| squared(having(arm, one), have * count(arm.len()) / all)).sum()
    };
    known.iter().map(of).sum()
}

/// The squared distances of the arms' means from before, in standard errors.
fn before(arms: &[Vec<&Unit>]) -> f64 {
    let values = |arm: &[&Unit]| -> Vec<f64> { arm.iter().filter_map(|unit| unit.before).collect() };
    let all = Moments::of(&arms.iter().flat_map(|arm| values(arm)).collect::<Vec<_>>());
    if all.variance.is_nan() || all.variance == 0.0 {
        return 0.0;
    }
    let of = |arm: &Vec<&Unit>| {
        let own = Moments::of(&values(arm));
        if own.n > 0.0 { own.n * (own.mean - all.mean).powi(2) / all.variance } else { 0.0 }
    };
    arms.iter().map(of).sum()
}

fn squared(found: f64, meant: f64) -> f64 {
    if meant > 0.0 { (found - meant).powi(2) / meant } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts of personas")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::place::tests::experiment;
    use domain::experiment::Design;

    fn unit(number: u32) -> Unit {
        let kind = ["curious", "busy"][usize::from(number.is_multiple_of(2))];
        let before = 2.0 + f64::from(number % 5) / 2.0;
        Unit { id: format!("p{number}"), traits: vec![kind.to_owned()], before: Some(before) }
    }

    #[test]
    fn the_fairest_of_many_seeds_is_far_fairer_than_chance() {
        let experiment = experiment(Design::Split);
        let units: Vec<Unit> = (0..20).map(unit).collect();
        let best = fairest(&experiment, &units);
        let own = dealt(&experiment, &units);
        assert!(best.imbalance < own.imbalance && best.imbalance < 0.5, "{best:?} {own:?}");
        let chosen = Experiment { seed: best.seed.clone(), ..experiment };
        assert_eq!(dealt(&chosen, &units), best, "the seed alone makes it so");
        assert_eq!(fairest(&chosen, &units), best, "and there is no fairer one");
    }

    #[test]
    fn sizes_traits_and_means_from_before_each_count() {
        let arms = |control: &[u32], treatment: &[u32]| {
            let (control, treatment): (Vec<Unit>, Vec<Unit>) =
                (control.iter().copied().map(unit).collect(), treatment.iter().copied().map(unit).collect());
            let arms = [control.iter().collect::<Vec<_>>(), treatment.iter().collect()];
            (sizes(&arms, 0, &experiment(Design::Split)), traits(&arms), before(&arms))
        };
        assert_eq!(arms(&[0, 5], &[10, 15]), (0.0, 0.0, 0.0));
        assert_eq!(arms(&[0], &[10, 20, 30]), (1.0, 0.0, 0.0), "three of four");
        assert_eq!(arms(&[0, 10], &[5, 15]), (0.0, 4.0, 0.0), "all busy here, all curious there");
        let (sizes, traits, before) = arms(&[0, 5], &[14, 9]);
        assert!(sizes == 0.0 && traits == 0.0 && before > 2.0, "{before}");
    }

    #[test]
    fn an_arm_without_anybody_is_never_fair() {
        let alone = dealt(&experiment(Design::Split), &[unit(1)]);
        assert!(alone.imbalance.is_infinite());
    }
}
