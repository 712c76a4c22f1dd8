//! What the ledger holds of an experiment, as a report.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::cli::args::Kept;
use crate::cli::verbs::turns::open;
use crate::cli::{Exit, Failure};
use crate::domain::experiment::{ArmName, Assignment, Experiment, Phase};
use crate::experiment::analysis::analyze;
use crate::experiment::assignment::audit;
use crate::experiment::observation::Observation;
use crate::experiment::report::{Check, Identity, Report, Status};
use crate::experiment::statistics::{ALARM, MIN_PER_ARM, chi_square};
use crate::store::{Ledger, Played, Registered};

/// Everything about an experiment in a ledger.
#[derive(Debug)]
pub struct Record {
    /// The plan.
    pub registered: Registered,
    /// Every turn that is over.
    pub turns: Vec<Played>,
    /// Every phase.
    pub phases: Vec<Phase>,
    assignments: BTreeMap<String, Vec<Assignment>>,
}

/// The report of one phase of an experiment in the ledger that was named, or of its last.
///
/// # Errors
/// When there is no ledger, no such experiment in it, or nothing to compare yet.
pub(super) async fn analyzed(kept: &Kept, config: Option<&Path>) -> Result<Report, Failure> {
    record(kept, config).await?.report(kept.phase)
}

/// The ledger that was named, and the named or newest version of the experiment in it.
///
/// # Errors
/// When there is no ledger, or no such experiment in it.
pub(super) async fn record(kept: &Kept, config: Option<&Path>) -> Result<Record, Failure> {
    let missing = |failure: Failure| {
        match failure.exit() {
        Exit::File => failure.hint(
            "name the experiment's with --ledger; `experiment run FILE --stand-ins` keeps one in persona-host-experiments/KEY/ledger.db",
        ),
        _ => failure,
    }
    };
    let ledger = open(kept.ledger.as_deref(), config).await.map_err(missing)?;
    Record::read(&ledger, &kept.key, kept.plan_version).await
}

impl Record {
    /// Reads one version of an experiment, or the newest.
    ///
    /// # Errors
    /// When there is no such experiment or version, or the ledger cannot be read.
    pub async fn read(ledger: &Ledger, key: &str, version: Option<u32>) -> Result<Self, Failure> {
        let newest = ledger.experiment(key, None).await?;
        let registered = match version {
            Some(_) => ledger.experiment(key, version).await?,
            None => newest.clone(),
        };
        if let (None, Some(newest), Some(version)) = (&registered, &newest, version) {
            let message = format!("there is no version {version} of {key} in {}", ledger.path().display());
            return Err(Failure::new(Exit::File, message).hint(format!(
                "the newest is {}; leave --plan-version out for it",
                newest.experiment.version
            )));
        }
        let Some(registered) = registered else {
            let keys = ledger.experiment_keys().await?;
            let known = if keys.is_empty() { "none yet".to_owned() } else { keys.join(", ") };
            let message = format!("there is no experiment {key:?} in {}", ledger.path().display());
            return Err(Failure::new(Exit::File, message)
                .hint(format!("it has: {known}; another one is named with --ledger")));
        };
        let version = registered.experiment.version;
        let mut assignments: BTreeMap<String, Vec<Assignment>> = BTreeMap::new();
        for assigned in ledger.assignments(key, None).await? {
            assignments.entry(assigned.persona).or_default().push(assigned.assignment);
        }
        let phases = ledger.phases(key, version).await?;
        let mut turns = ledger.played(key, version).await?;
        turns.iter_mut().filter(|turn| turn.exposed.is_none()).for_each(|turn| place(turn, &phases));
        Ok(Self { registered, turns, phases, assignments })
    }

    /// Every turn as an observation.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        self.turns.iter().map(|turn| turn.observation.clone()).collect()
    }

    /// The report of one phase, or of the last.
    ///
    /// # Errors
    /// When there is nothing to compare yet.
    pub fn report(&self, phase: Option<u32>) -> Result<Report, Failure> {
        let experiment = &self.registered.experiment;
        let last = self.phases.last().map_or(1, |phase| phase.number);
        if let Some(unknown) = phase.filter(|phase| !(1..=last).contains(phase)) {
            let message = format!("{} has no phase {unknown}", experiment.key());
            return Err(Failure::new(Exit::BadInput, message).hint(format!("its phases are 1 to {last}")));
        }
        let phase = phase.unwrap_or(last);
        let instant = |millis: i64| chrono::DateTime::from_timestamp_millis(millis).map(|at| at.to_rfc3339());
        let identity = Identity {
            seed: experiment.seed.clone(),
            hash_version: 2,
            plan_sha256: Some(self.registered.sha256.to_string()),
            source: "ledger".to_owned(),
            started: self.turns.iter().map(|turn| turn.started_ms).min().and_then(instant),
            ended: self.turns.iter().map(|turn| turn.started_ms).max().and_then(instant),
        };
        let checks = self.checks(experiment, phase);
        analyze(&experiment.plan, identity, self.phases.clone(), phase, &self.observations(), checks)
            .map_err(|why| Failure::new(Exit::BadInput, format!("{}: {why}", experiment.key())))
    }

    /// What needs the ledger to be seen.
    fn checks(&self, experiment: &Experiment, phase: u32) -> Vec<Check> {
        let mut checks = vec![self.audited(experiment)];
        let own: Vec<&Played> = self.turns.iter().filter(|turn| turn.observation.phase == phase).collect();
        let warning = |name: &str, concerns: &str, message: String| Check {
            name: name.to_owned(),
            status: Status::Warning,
            concerns: concerns.to_owned(),
            message,
            p: None,
        };
        let tools: BTreeSet<&str> =
            own.iter().filter_map(|turn| turn.exposed.as_ref()?.tools_sha256.as_deref()).collect();
        if tools.len() > 1 {
            let message = format!(
                "the personas were offered {} different lists of tools in this phase: part of the difference may be the app's",
                tools.len()
            );
            checks.push(warning("tools", "phases", message));
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
            checks.push(warning("personas", "comparisons/personas", message));
        }
        checks.push(begun_again(experiment, &own));
        checks
    }

    /// Whether every assignment is the one that the plan makes.
    fn audited(&self, experiment: &Experiment) -> Check {
        let mismatches: Vec<String> = (self.assignments.iter())
            .flat_map(|(unit, recorded)| audit(experiment, unit, recorded))
            .map(|mismatch| format!("{} in block {}", mismatch.unit, mismatch.recorded.block))
            .collect();
        let count: usize = self.assignments.values().map(Vec::len).sum();
        let (status, message) = match mismatches.first() {
            None => (Status::Ok, format!("all {count} assignments are those that the plan makes")),
            Some(first) => {
                let message = format!(
                    "{} of {count} assignments are not those that the plan makes, the first of {first}: somebody changed plan or ledger, or a block was left out",
                    mismatches.len()
                );
                (Status::Unhealthy, message)
            }
        };
        Check { name: "audit".to_owned(), status, concerns: "identity".to_owned(), message, p: None }
    }
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
    Check { name: "begun-again".to_owned(), status, concerns: "arms/stages".to_owned(), message, p }
}

/// A turn that nobody was exposed to belongs to the phase that was open when it began.
fn place(turn: &mut Played, phases: &[Phase]) {
    let opened = |phase: &&Phase| {
        let at = phase.opened.as_deref().and_then(|at| chrono::DateTime::parse_from_rfc3339(at).ok());
        at.is_some_and(|at| at.timestamp_millis() <= turn.started_ms)
    };
    turn.observation.phase = phases.iter().rev().find(opened).map_or(1, |phase| phase.number);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_experiment;
    use crate::domain::ids::StrategyName;
    use crate::experiment::rows::read_csv;

    const PLAN: &str = "key = \"k\"\nquestion = \"?\"\n[[arms]]\nname = \"control\"\nstrategy = \"daily\"\n\
                        [[arms]]\nname = \"brief\"\nstrategy = \"daily\"\n";

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
