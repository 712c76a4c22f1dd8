//! Keeps the experiments that assign turns in step with their folder. A file that cannot be used is told once
//! and left out; the others go on.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::parts::Runner;
use crate::config::{experiment_files, read_experiment};
use crate::domain::experiment::Experiment;
use crate::domain::ids::StrategyName;
use crate::store::LedgerError;

impl Runner {
    /// Reads the experiments again: a file that was saved counts from the next tick on.
    pub(super) async fn look_at_experiments(&self) -> Result<(), LedgerError> {
        let strategies: BTreeSet<StrategyName> = self.deps.strategies.keys().cloned().collect();
        let mut experiments: Vec<Arc<Experiment>> = Vec::new();
        let mut complaints = BTreeSet::new();
        for path in experiment_files(&self.options.experiments) {
            let file = path.display();
            match read_experiment(&path, &strategies) {
                Err(error) => {
                    complaints.insert(format!("{error} ({})", error.hint().unwrap_or_default()));
                }
                Ok(experiment) => match self.objection(&experiment, &experiments).await? {
                    Some(why) => {
                        complaints.insert(format!("the experiment {file} is left out: {why}"));
                    }
                    None => experiments.push(Arc::new(experiment)),
                },
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
        let changed = registered.is_some_and(|registered| registered.sha256 != experiment.sha256());
        Ok(changed.then(|| {
            "it has begun with another plan: put the file back, or raise `version` in it".to_owned()
        }))
    }
}
