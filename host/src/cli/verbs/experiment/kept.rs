//! What the ledger holds of an experiment, as a report.

mod checks;

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::args::Kept;
use crate::cli::verbs::turns::open;
use crate::cli::{Exit, Failure};
use crate::store::{Ledger, Played, Registered, Turns};
use domain::experiment::{Assignment, Phase, PhaseArm};
use domain::observation::Observation;
use experiment::analysis::{Unanalyzable, analyze};
use experiment::report::{Identity, Report};

/// Where the ledger may be that is meant.
const OTHER_LEDGER: &str = "name the experiment's with --ledger; `experiment run FILE --stand-ins` keeps one in \
                            persona-host-experiments/KEY/ledger.db";

/// Everything about an experiment in a ledger.
#[derive(Debug)]
pub struct Record {
    /// The plan.
    pub registered: Registered,
    /// Every turn that is over.
    pub turns: Vec<Played>,
    /// What is in the way of reading others.
    unreadable: Vec<String>,
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
    let ledger = open(kept.ledger.as_deref(), config).await;
    let ledger = ledger.map_err(|failure| match failure.exit() {
        Exit::File => failure.hint(OTHER_LEDGER),
        _ => failure,
    })?;
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
            let message = format!("there is no version {version} of {key} in {}", ledger.url());
            return Err(Failure::new(Exit::File, message).hint(format!(
                "the newest is {}; leave --plan-version out for it",
                newest.experiment.version
            )));
        }
        let Some(registered) = registered else {
            let keys = ledger.experiment_keys().await?;
            let known = if keys.is_empty() { "none yet".to_owned() } else { keys.join(", ") };
            let message = format!("there is no experiment {key:?} in {}", ledger.url());
            return Err(Failure::new(Exit::File, message)
                .hint(format!("it has: {known}; another one is named with --ledger")));
        };
        let version = registered.experiment.version;
        let mut assignments: BTreeMap<String, Vec<Assignment>> = BTreeMap::new();
        for assigned in ledger.assignments(key, None).await? {
            assignments.entry(assigned.persona).or_default().push(assigned.assignment);
        }
        let phases = ledger.phases(key, version).await?;
        let Turns { played: mut turns, unreadable } = ledger.played(key, version).await?;
        turns.iter_mut().filter(|turn| turn.exposed.is_none()).for_each(|turn| place(turn, &phases));
        Ok(Self { registered, turns, unreadable, phases, assignments })
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
        let last = self.last_phase();
        if let Some(unknown) = phase.filter(|phase| !(1..=last).contains(phase)) {
            let message = format!("{} has no phase {unknown}", experiment.key());
            return Err(Failure::new(Exit::BadInput, message).hint(format!("its phases are 1 to {last}")));
        }
        self.analysis(phase.unwrap_or(last))
            .map_err(|why| Failure::new(Exit::BadInput, format!("{}: {why}", experiment.key())))
    }

    /// The last phase.
    #[must_use]
    pub fn last_phase(&self) -> u32 {
        self.phases.last().map_or(1, |phase| phase.number)
    }

    /// The report of this phase.
    ///
    /// # Errors
    /// When there is nothing to compare yet, or something there that is not of the plan.
    pub fn analysis(&self, phase: u32) -> Result<Report, Unanalyzable> {
        let experiment = &self.registered.experiment;
        let instant = |millis: i64| chrono::DateTime::from_timestamp_millis(millis).map(|at| at.to_rfc3339());
        let identity = Identity {
            seed: experiment.seed.clone(),
            hash_version: 2,
            plan_sha256: Some(self.registered.sha256.to_string()),
            source: "ledger".to_owned(),
            started: self.turns.iter().map(|turn| turn.started_ms).min().and_then(instant),
            ended: self.turns.iter().map(|turn| turn.started_ms).max().and_then(instant),
            stand_ins: (self.phases.iter())
                .filter(|own| own.number == phase)
                .any(|own| own.arms.iter().any(PhaseArm::is_scripted)),
        };
        let checks = self.checks(phase);
        analyze(&experiment.plan, identity, self.phases.clone(), phase, &self.observations(), checks)
    }
}

/// A turn that nobody was exposed to belongs to the phase that was open when it began.
fn place(turn: &mut Played, phases: &[Phase]) {
    let opened = |phase: &&Phase| {
        let at = phase.opened.as_deref().and_then(|at| chrono::DateTime::parse_from_rfc3339(at).ok());
        at.is_some_and(|at| at.timestamp_millis() <= turn.started_ms)
    };
    turn.observation.phase = phases.iter().rev().find(opened).map_or(1, |phase| phase.number);
}
