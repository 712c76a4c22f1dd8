//! What the ledger holds of an experiment, as a report.

use std::collections::BTreeMap;

use super::error::NoEvidence;
use crate::store::{Ledger, Played, Registered, Turns};
use domain::experiment::{Assignment, Phase, PhaseArm};
use domain::observation::Observation;
use experiment::analysis::{Unanalyzable, analyze};
use experiment::report::{Identity, Report};

/// Everything about an experiment in a ledger.
#[derive(Debug)]
pub struct Record {
    /// The plan.
    pub registered: Registered,
    /// Every turn that is over.
    pub turns: Vec<Played>,
    /// What is in the way of reading others.
    pub(super) unreadable: Vec<String>,
    /// Every phase.
    pub phases: Vec<Phase>,
    pub(super) assignments: BTreeMap<String, Vec<Assignment>>,
}

impl Record {
    /// Reads one version of an experiment, or the newest.
    ///
    /// # Errors
    /// When there is no such experiment or version, or the ledger cannot be read.
    pub async fn read(ledger: &Ledger, key: &str, version: Option<u32>) -> Result<Self, NoEvidence> {
        let newest = ledger.experiment(key, None).await?;
        let registered = match version {
            Some(_) => ledger.experiment(key, version).await?,
            None => newest.clone(),
        };
        if let (None, Some(newest), Some(version)) = (&registered, &newest, version) {
            let (key, ledger) = (key.to_owned(), ledger.url().to_string());
            return Err(NoEvidence::NoVersion { key, version, newest: newest.experiment.version, ledger });
        }
        let Some(registered) = registered else {
            let known = ledger.experiment_keys().await?;
            return Err(NoEvidence::NoExperiment {
                key: key.to_owned(),
                ledger: ledger.url().to_string(),
                known,
            });
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
        let observed = |turn: &Played| {
            let stand_in = Some(self.is_scripted(turn.observation.phase));
            Observation { stand_in, ..turn.observation.clone() }
        };
        self.turns.iter().map(observed).collect()
    }

    /// The report of one phase, or of the last.
    ///
    /// # Errors
    /// When there is nothing to compare yet.
    pub fn report(&self, phase: Option<u32>) -> Result<Report, NoEvidence> {
        let (key, last) = (self.registered.experiment.key().to_owned(), self.last_phase());
        match phase.filter(|phase| !(1..=last).contains(phase)) {
            Some(phase) => Err(NoEvidence::NoPhase { key, phase, last }),
            None => self.analysis(phase.unwrap_or(last)).map_err(|why| NoEvidence::Unanalyzable { key, why }),
        }
    }

    /// The last phase.
    #[must_use]
    pub fn last_phase(&self) -> u32 {
        self.phases.last().map_or(1, |phase| phase.number)
    }

    /// Whether some turns of this phase were played with a scripted Claude.
    fn is_scripted(&self, phase: u32) -> bool {
        let own = self.phases.iter().filter(|own| own.number == phase);
        own.flat_map(|own| &own.arms).any(PhaseArm::is_scripted)
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
            stand_ins: self.is_scripted(phase),
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
