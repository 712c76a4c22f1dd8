//! Keeps the experiments that assign turns in step with their folder. A file that cannot be used is told once
//! and left out; the others go on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use super::parts::Runner;
use crate::config::{experiment_files, read_experiment};
use crate::store::LedgerError;
use domain::experiment::Experiment;
use domain::ids::StrategyName;

/// A file that can be meant.
struct Found {
    path: PathBuf,
    experiment: Experiment,
    /// The ledger has turns of it.
    has_begun: bool,
}

impl Runner {
    /// Reads the experiments again: a file that was saved counts from the next tick on.
    pub(super) async fn look_at_experiments(&self) -> Result<(), LedgerError> {
        let strategies: BTreeSet<StrategyName> = self.deps.strategies.keys().cloned().collect();
        let mut found: Vec<Found> = Vec::new();
        let mut complaints = BTreeSet::new();
        for path in experiment_files(&self.options.experiments) {
            match read_experiment(&path, &strategies) {
                Err(error) => {
                    complaints.insert(error.in_one_line());
                }
                Ok(experiment) => {
                    let registered = self.deps.ledger.experiment(experiment.key(), None).await?;
                    found.push(Found { path, experiment, has_begun: registered.is_some() });
                }
            }
        }
        // Who has begun stays; a new file does not push anybody aside.
        found.sort_by_key(|own| !own.has_begun);
        let mut experiments: Vec<Arc<Experiment>> = Vec::new();
        for Found { path, experiment, .. } in found {
            match self.objection(&experiment, &experiments).await? {
                Some(why) => {
                    complaints.insert(format!("the experiment {} is left out: {why}", path.display()));
                }
                None => experiments.push(Arc::new(experiment)),
            }
        }
        experiments.sort_by(|a, b| a.key().cmp(b.key()));
        self.deps.experiments.replace(experiments);
        let mut told = self.experiment_complaints.lock().unwrap_or_else(PoisonError::into_inner);
        for complaint in complaints.difference(&told) {
            tracing::error!(cause = %complaint, "an experiment cannot be used");
        }
        *told = complaints;
        Ok(())
    }

    /// Why an experiment cannot run beside the ones before it.
    async fn objection(
        &self,
        experiment: &Experiment,
        others: &[Arc<Experiment>],
    ) -> Result<Option<String>, LedgerError> {
        if let Some(other) = others.iter().find(|other| other.key() == experiment.key()) {
            return Ok(Some(format!("another file has the key {} too", other.key())));
        }
        if let Some(conflict) = others.iter().find_map(|other| experiment.conflict(other)) {
            return Ok(Some(conflict));
        }
        let registered = self.deps.ledger.experiment(experiment.key(), Some(experiment.version)).await?;
        let changed =
            registered.is_some_and(|registered| registered.experiment.sha256() != experiment.sha256());
        Ok(changed.then(|| {
            "it has begun with another plan: put the file back, or raise `version` in it".to_owned()
        }))
    }
}
