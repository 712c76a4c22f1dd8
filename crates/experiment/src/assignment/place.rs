//! A persona's next turn in an experiment: a function of the plan and of the turns that it has had there.
//! The audit computes every assignment of the past again.

use super::{choose, is_in_group, order_of_block, point, ranges};
use domain::experiment::{ArmName, Assignment, Design, Experiment};

/// The place of `unit`'s next turn, or none if it takes no part (any more). `earlier` are its assignments in
/// this experiment so far, of all versions.
#[must_use]
pub fn next(experiment: &Experiment, unit: &str, earlier: &[Assignment]) -> Option<Assignment> {
    if !takes_part(experiment, unit, earlier) {
        return None;
    }
    let own = earlier.iter().filter(|assignment| assignment.version == experiment.version);
    let last = own.max_by_key(|assignment| (assignment.block, assignment.place));
    let (block, place) = match last {
        None => (0, 0),
        Some(last) if last.place + 1 < turns_of_block(experiment) => (last.block, last.place + 1),
        Some(last) => (last.block + 1, 0),
    };
    if block >= experiment.plan.planned_blocks {
        return None;
    }
    // In a split, who has an arm keeps it, also when weights have changed since.
    let kept = last.filter(|_| experiment.plan.design == Design::Split).map(|last| last.arm.clone());
    at(experiment, unit, block, place)
        .map(|found| Assignment { arm: kept.unwrap_or(found.arm.clone()), ..found })
}

/// What the plan has at one place of a unit's blocks; none beyond the arms, or for who takes no part in a split.
#[must_use]
pub fn at(experiment: &Experiment, unit: &str, block: u32, place: u32) -> Option<Assignment> {
    let arm = match experiment.plan.design {
        Design::Crossover => {
            let order = order_of_block(&experiment.seed, block, unit, experiment.arms.len());
            experiment.plan.arms[*order.get(usize::try_from(place).ok()?)?].clone()
        }
        Design::Split if place == 0 => split_arm(experiment, unit)?,
        Design::Split => return None,
    };
    let (experiment, version) = (experiment.key().to_owned(), experiment.version);
    Some(Assignment { experiment, version, block, place, arm })
}

/// An assignment that the plan would not have made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Whose.
    pub unit: String,
    /// What the ledger says.
    pub recorded: Assignment,
    /// What the plan says; nothing: no turn at all.
    pub expected: Option<Assignment>,
}

/// Computes every assignment of a unit again, in the order of block and place, and returns those that differ.
#[must_use]
pub fn audit(experiment: &Experiment, unit: &str, recorded: &[Assignment]) -> Vec<Mismatch> {
    let mut recorded = recorded.to_vec();
    recorded.sort_by_key(|assignment| (assignment.version, assignment.block, assignment.place));
    let own = (0..recorded.len()).filter(|at| recorded[*at].version == experiment.version);
    let differs = |at: usize| {
        let expected = next(experiment, unit, &recorded[..at]);
        let recorded = recorded[at].clone();
        (expected.as_ref() != Some(&recorded)).then(|| Mismatch { unit: unit.to_owned(), recorded, expected })
    };
    own.filter_map(differs).collect()
}

/// How many turns a persona has in a block.
fn turns_of_block(experiment: &Experiment) -> u32 {
    match experiment.plan.design {
        Design::Crossover => u32::try_from(experiment.plan.arms.len()).unwrap_or(u32::MAX),
        Design::Split => 1,
    }
}

fn takes_part(experiment: &Experiment, unit: &str, earlier: &[Assignment]) -> bool {
    let outdated = earlier.iter().any(|assignment| assignment.version < experiment.minimum_version);
    let in_group = experiment
        .exclusive
        .as_ref()
        .is_none_or(|exclusive| is_in_group(unit, &exclusive.group, exclusive.from, exclusive.to));
    // Who began stays when the share is lowered later.
    let began = earlier.iter().any(|assignment| assignment.version == experiment.version);
    let in_traffic = match experiment.plan.design {
        Design::Crossover => point(&experiment.seed, unit) < experiment.traffic,
        Design::Split => split_arm(experiment, unit).is_some(),
    };
    !outdated && in_group && (began || in_traffic)
}

/// Where the unit's point falls among the arms' weights; nowhere, if it takes no part.
fn split_arm(experiment: &Experiment, unit: &str) -> Option<ArmName> {
    let ranges = ranges(experiment.arms.len(), experiment.traffic, &experiment.plan.weights);
    choose(point(&experiment.seed, unit), &ranges).map(|arm| experiment.arms[arm].name.clone())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use domain::experiment::{Arm, Exclusive, Metric, Plan, Stopping, Who};
    use domain::ids::StrategyName;

    pub(in crate::assignment) fn experiment(design: Design) -> Experiment {
        let arms = ["control", "brief"].map(ArmName::new);
        Experiment {
            plan: Plan {
                key: "strategy-exp-1".to_owned(),
                question: String::new(),
                design,
                arms: arms.to_vec(),
                weights: vec![0.5, 0.5],
                primary: Metric::Rating,
                secondary: Vec::new(),
                guardrails: Vec::new(),
                margin: 0.2,
                alpha: 0.05,
                planned_blocks: 3,
                stopping: Stopping::Sequential,
            },
            arms: arms
                .map(|name| Arm {
                    strategy: StrategyName::new(name.as_str()),
                    name,
                    settings: serde_json::Map::new(),
                })
                .to_vec(),
            who: Who::All,
            seed: "strategy-exp-1".to_owned(),
            version: 1,
            minimum_version: 0,
            traffic: 1.0,
            exclusive: None,
            budget: None,
            starts: None,
            ends: None,
        }
    }

    /// All turns of a persona, one after the other.
    fn life(experiment: &Experiment, unit: &str) -> Vec<Assignment> {
        let mut turns = Vec::new();
        while let Some(place) = next(experiment, unit, &turns) {
            turns.push(place);
        }
        turns
    }

    fn arms(turns: &[Assignment]) -> Vec<&str> {
        turns.iter().map(|turn| turn.arm.as_str()).collect()
    }

    #[test]
    fn in_a_crossover_each_block_has_every_arm_once_in_the_order_of_the_hash() {
        // AC-01: BA, AB, AB for anna; AB, BA, BA for ben (A is the control).
        let experiment = experiment(Design::Crossover);
        for (name, expected) in [
            ("anna", ["brief", "control", "control", "brief", "control", "brief"]),
            ("ben", ["control", "brief", "brief", "control", "brief", "control"]),
        ] {
            let turns = life(&experiment, &format!("persona.{name}@mana.test"));
            assert_eq!(arms(&turns), expected, "{name}");
        }
    }

    #[test]
    fn in_a_split_everybody_keeps_one_arm() {
        // AC-01: ben, eva, felix, ida and jonas are A.
        let experiment = experiment(Design::Split);
        for name in ["anna", "ben", "clara", "david", "eva", "felix", "greta", "hans", "ida", "jonas"] {
            let arm =
                if ["ben", "eva", "felix", "ida", "jonas"].contains(&name) { "control" } else { "brief" };
            assert_eq!(arms(&life(&experiment, &format!("persona.{name}@mana.test"))), [arm; 3], "{name}");
        }
    }

    #[test]
    fn who_has_an_arm_keeps_it_when_weights_change_until_the_version_is_raised() {
        let mut experiment = experiment(Design::Split);
        let unit = "persona.anna@mana.test";
        let mut turns = vec![next(&experiment, unit, &[]).unwrap()];
        experiment.plan.weights = vec![1.0, 0.0];
        turns.push(next(&experiment, unit, &turns).unwrap());
        assert_eq!(arms(&turns), ["brief", "brief"]);
        experiment.version = 2;
        assert_eq!(next(&experiment, unit, &turns).unwrap().arm.as_str(), "control");
        experiment.minimum_version = 2;
        assert_eq!(next(&experiment, unit, &turns), None, "who was assigned before takes no part");
        assert!(next(&experiment, unit, &[]).is_some(), "others do");
    }

    #[test]
    fn traffic_and_exclusive_groups_leave_out_the_same_personas_each_time() {
        let all = |experiment: &Experiment| -> Vec<u32> {
            (0..1000).filter(|unit| next(experiment, &format!("u{unit}"), &[]).is_some()).collect()
        };
        let mut experiment = experiment(Design::Crossover);
        experiment.traffic = 0.3;
        let some = all(&experiment);
        assert!((250..350).contains(&some.len()), "{}", some.len());
        assert_eq!(all(&experiment), some);
        experiment.traffic = 1.0;
        let within = |from, to| Some(Exclusive { group: "g".to_owned(), from, to });
        experiment.exclusive = within(0.0, 0.5);
        let lower = all(&experiment);
        experiment.exclusive = within(0.5, 1.0);
        let upper = all(&experiment);
        assert_eq!(lower.len() + upper.len(), 1000);
        assert!(lower.iter().all(|unit| !upper.contains(unit)), "nobody plays both");
    }

    #[test]
    fn the_audit_finds_exactly_what_the_plan_would_not_have_done() {
        let experiment = experiment(Design::Crossover);
        let unit = "persona.anna@mana.test";
        let mut turns = life(&experiment, unit);
        turns.reverse();
        assert_eq!(audit(&experiment, unit, &turns), [], "in whatever order they are given");
        let wrong = turns.iter_mut().find(|turn| (turn.block, turn.place) == (1, 0)).unwrap();
        wrong.arm = ArmName::new("brief");
        let found = audit(&experiment, unit, &turns);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].recorded.block, found[0].expected.as_ref().unwrap().arm.as_str()),
            (1, "control")
        );
    }
}
