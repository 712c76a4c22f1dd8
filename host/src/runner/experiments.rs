//! Keeps the experiments that assign turns in step with their folder. A file that cannot be used is told once
//! and left out; the others go on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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

/// What a look at the folder gave, or what is wrong with a file.
type Read = Vec<(PathBuf, Result<Experiment, String>)>;

impl Runner {
    /// Reads the experiments again: a file that was saved counts from the next tick on. A disk that does not answer
    /// leaves them as they were.
    pub(super) async fn look_at_experiments(&self) -> Result<(), LedgerError> {
        let strategies: BTreeSet<StrategyName> = self.deps.strategies.keys().cloned().collect();
        let folder = self.options.experiments.clone();
        let Ok(read) = self.experiment_disk.ask(move || read(&folder, &strategies)).await.map_err(|silent| {
            let folder = self.options.experiments.display();
            let complaint = format!(
                "the folder {folder} is asked in vain, so its experiments go on as they were: {silent}"
            );
            self.complain(BTreeSet::from([complaint]));
        }) else {
            return Ok(());
        };
        let mut found: Vec<Found> = Vec::new();
        let mut complaints = BTreeSet::new();
        for (path, read) in read {
            match read {
                Err(complaint) => {
                    complaints.insert(complaint);
                }
                Ok(experiment) => {
                    let registered = match self.deps.ledger.experiment(experiment.key(), None).await {
                        Err(error) if error.is_of_one_row() => {
                            complaints
                                .insert(format!("the experiment {} is left out: {error}", path.display()));
                            continue;
                        }
                        registered => registered?,
                    };
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
        complaints.extend(self.deps.budget.of_no_arm(experiments.iter().map(AsRef::as_ref)));
        self.deps.experiments.replace(experiments);
        self.complain(complaints);
        Ok(())
    }

    /// Each complaint is told once, until it is no longer true.
    fn complain(&self, complaints: BTreeSet<String>) {
        let mut told = self.experiment_complaints.lock().unwrap_or_else(PoisonError::into_inner);
        for complaint in complaints.difference(&told) {
            tracing::error!(cause = %complaint, "the experiments are not all as they are meant");
        }
        *told = complaints;
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
        let registered = self.deps.ledger.experiment(experiment.key(), Some(experiment.version)).await;
        let registered = match registered {
            Err(error) if error.is_of_one_row() => return Ok(Some(error.to_string())),
            registered => registered?,
        };
        let changed =
            registered.is_some_and(|registered| registered.experiment.sha256() != experiment.sha256());
        Ok(changed.then(|| {
            "it has begun with another plan: put the file back, or raise `version` in it".to_owned()
        }))
    }
}

fn read(folder: &Path, strategies: &BTreeSet<StrategyName>) -> Read {
    let read = |path: PathBuf| {
        let experiment = read_experiment(&path, strategies).map_err(|error| error.in_one_line());
        (path, experiment)
    };
    experiment_files(folder).into_iter().map(read).collect()
}
