//! Whether a report can be trusted, as far as it takes the ledger to see that.

use std::collections::{BTreeMap, BTreeSet};

use super::record::Record;
use crate::store::Played;
use domain::experiment::{ArmName, Assignment, Experiment, Metric};
use experiment::assignment::audit;
use experiment::report::{Check, Status};
use experiment::statistics::{ALARM, MIN_PER_ARM, chi_square};

impl Record {
    /// What needs the ledger to be seen.
    pub(super) fn checks(&self, phase: u32) -> Vec<Check> {
        let experiment = &self.registered.experiment;
        let mut checks = vec![audited(experiment, &self.assignments)];
        let own: Vec<&Played> = self.turns.iter().filter(|turn| turn.observation.phase == phase).collect();
        let tools: BTreeSet<&str> =
            own.iter().filter_map(|turn| turn.exposed.as_ref()?.tools_sha256.as_deref()).collect();
        if tools.len() > 1 {
            let message = format!(
                "the personas were offered {} different lists of tools in this phase: part of the difference may be the app's",
                tools.len()
            );
            checks.push(Check::new("tools", Status::Warning, "phases", message));
        }
        let mut prompts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for turn in &own {
            prompts.entry(&turn.observation.persona).or_default().extend(turn.persona_sha256.as_deref());
        }
        let changed: Vec<&str> =
            prompts.iter().filter(|(_, own)| own.len() > 1).map(|(persona, _)| *persona).collect();
        if !changed.is_empty() {
            let message = format!(
                "the description of {} changed in this phase: freeze personas while an experiment runs",
                changed.join(", ")
            );
            checks.push(Check::new("personas", Status::Warning, "comparisons/personas", message));
        }
        checks.push(begun_again(experiment, &own));
        checks.extend(unknown_latency(experiment, &own));
        checks.extend(damaged(&self.unreadable));
        checks
    }
}

/// Turns that the ledger holds and nobody can read. They are left out, whatever their arm.
fn damaged(unreadable: &[String]) -> Option<Check> {
    let first = unreadable.first()?;
    let message = format!(
        "{} turns are left out, because the ledger cannot be read there, the first: {first}",
        unreadable.len()
    );
    Some(Check::new("ledger", Status::Warning, "arms/stages", message))
}

/// Whether every assignment is the one that the plan makes. Those of other versions are the past that this one's are computed from, and are not counted.
fn audited(experiment: &Experiment, assignments: &BTreeMap<String, Vec<Assignment>>) -> Check {
    let mismatches: Vec<String> = (assignments.iter())
        .flat_map(|(unit, recorded)| audit(experiment, unit, recorded))
        .map(|mismatch| format!("{} in block {}", mismatch.unit, mismatch.recorded.block))
        .collect();
    let own = |assignment: &&Assignment| assignment.version == experiment.version;
    let (count, version) = (assignments.values().flatten().filter(own).count(), experiment.version);
    let (status, message) = match mismatches.first() {
        None => (
            Status::Ok,
            format!("all {count} assignments of version {version} are those that the plan makes"),
        ),
        Some(first) => {
            let message = format!(
                "{} of {count} assignments of version {version} are not those that the plan makes, the first of {first}: somebody changed plan or ledger, or a block was left out",
                mismatches.len()
            );
            (Status::Unhealthy, message)
        }
    };
    Check::new("audit", status, "identity", message)
}

/// Whether turns of some arm had to be begun again more often: what they met the first time is part of the arm.
#[expect(clippy::cast_precision_loss, reason = "counts of turns")]
fn begun_again(experiment: &Experiment, turns: &[&Played]) -> Check {
    let of = |arm: &ArmName| turns.iter().filter(|turn| turn.observation.arm == *arm).collect::<Vec<_>>();
    let arms: Vec<Vec<_>> = experiment.plan.arms.iter().map(of).collect();
    let again: Vec<u64> =
        arms.iter().map(|own| own.iter().filter(|turn| turn.attempts > 1).count() as u64).collect();
    let all: Vec<f64> = arms.iter().map(|own| own.len() as f64).collect();
    let p = chi_square(&again, &all);
    let shown: Vec<String> =
        experiment.plan.arms.iter().zip(&again).map(|(arm, count)| format!("{arm} {count}")).collect();
    let shown = shown.join(", ");
    let uneven = again.iter().sum::<u64>() >= MIN_PER_ARM && p.is_some_and(|p| p < ALARM);
    let (status, message) = if uneven {
        let message = format!(
            "turns of one arm had to be begun again more often ({shown}): find out what stops them, such as a rate limit"
        );
        (Status::Warning, message)
    } else {
        (Status::Ok, format!("turns that were begun again: {shown}"))
    };
    Check::new("begun-again", status, "arms/stages", message).with_p(p)
}

/// Whether there are turns of which nobody knows how long they took. Where latency decides, it decides without them.
fn unknown_latency(experiment: &Experiment, turns: &[&Played]) -> Option<Check> {
    let unknown = turns.iter().filter(|turn| turn.observation.latency.is_none()).count();
    let plan = &experiment.plan;
    let decides = plan.primary == Metric::Latency
        || plan.guardrails.iter().any(|guardrail| guardrail.metric == Metric::Latency);
    let message = format!(
        "{unknown} of {} turns have no latency, because the program ended in their middle or the clock was set back: they are left out where it is compared",
        turns.len()
    );
    let status = if decides { Status::Warning } else { Status::Ok };
    (unknown > 0).then(|| Check::new("unknown-latency", status, "arms/metrics/latency", message))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse_experiment;
    use domain::ids::StrategyName;
    use experiment::rows::read_csv;

    const PLAN: &str = "key = \"k\"\nquestion = \"?\"\n[[arms]]\nname = \"control\"\nstrategy = \"daily\"\n\
                        [[arms]]\nname = \"brief\"\nstrategy = \"daily\"\n";

    #[test]
    fn only_the_assignments_of_this_version_are_counted() {
        let strategies = [StrategyName::new("daily")].into();
        let mut experiment = parse_experiment(Path::new("k.toml"), PLAN, &strategies).unwrap();
        let mut recorded = Vec::new();
        for version in [1, 2] {
            experiment.version = version;
            for _ in 0..3 {
                let next = experiment::assignment::next(&experiment, "anna", &recorded).unwrap();
                recorded.push(next);
            }
        }
        let mut assignments = BTreeMap::from([("anna".to_owned(), recorded)]);
        let check = audited(&experiment, &assignments);
        assert_eq!(check.status, Status::Ok, "{}", check.message);
        assert!(check.message.starts_with("all 3 assignments of version 2 "), "{}", check.message);
        let last = assignments.get_mut("anna").unwrap().last_mut().unwrap();
        last.block += 1;
        let check = audited(&experiment, &assignments);
        assert!(check.message.starts_with("1 of 3 assignments of version 2 "), "{}", check.message);
    }

    #[test]
    fn turns_of_unknown_length_are_counted_and_matter_where_latency_decides() {
        let strategies = [StrategyName::new("daily")].into();
        let rows = "persona,block,module,arm,rating,latency\nanna,0,todo,brief,3,2.5\nben,0,todo,brief,3,\n";
        let observations = read_csv(rows.as_bytes()).unwrap().observations;
        let played = |observation| Played {
            observation,
            exposed: None,
            persona_sha256: None,
            started_ms: 0,
            attempts: 1,
        };
        let turns: Vec<Played> = observations.into_iter().map(played).collect();
        let turns: Vec<&Played> = turns.iter().collect();
        let known: Vec<&Played> =
            turns.iter().filter(|turn| turn.observation.latency.is_some()).copied().collect();
        for (primary, status) in
            [("", Status::Ok), ("primary = \"latency\"\nmargin = 1.0\n", Status::Warning)]
        {
            let experiment =
                parse_experiment(Path::new("k.toml"), &format!("{primary}{PLAN}"), &strategies).unwrap();
            let check = unknown_latency(&experiment, &turns).unwrap();
            assert_eq!(check.status, status, "{}", check.message);
            assert!(check.message.starts_with("1 of 2 turns have no latency"), "{}", check.message);
            assert_eq!(unknown_latency(&experiment, &known), None);
        }
    }

    #[test]
    fn an_arm_whose_turns_are_begun_again_more_often_is_noticed() {
        let strategies = [StrategyName::new("daily")].into();
        let experiment = parse_experiment(Path::new("k.toml"), PLAN, &strategies).unwrap();
        let turns = |again: [u32; 2]| -> Vec<Played> {
            let arms = [("control", again[0]), ("brief", again[1])];
            let rows = arms.map(|(arm, again)| {
                (0..40)
                    .map(move |block| (format!("anna,{block},todo,{arm},3\n"), 1 + u32::from(block < again)))
            });
            let played = |(row, attempts): (String, u32)| Played {
                observation: read_csv(format!("persona,block,module,arm,rating\n{row}").as_bytes())
                    .unwrap()
                    .observations
                    .remove(0),
                exposed: None,
                persona_sha256: None,
                started_ms: 0,
                attempts,
            };
            rows.into_iter().flatten().map(played).collect()
        };
        for (again, status) in
            [([0, 0], Status::Ok), ([2, 5], Status::Ok), ([10, 12], Status::Ok), ([1, 20], Status::Warning)]
        {
            let turns = turns(again);
            let check = begun_again(&experiment, &turns.iter().collect::<Vec<_>>());
            assert_eq!(check.status, status, "{again:?}: {}", check.message);
            let shown = format!("control {}, brief {}", again[0], again[1]);
            assert!(check.message.contains(&shown), "{}", check.message);
        }
    }
}
