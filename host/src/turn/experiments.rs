//! The experiments that the daemon knows now. They change while it runs; a turn keeps its own.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};

use domain::experiment::Experiment;

/// The experiments that assign turns.
#[derive(Debug, Default)]
pub struct Experiments(RwLock<Vec<Arc<Experiment>>>);

impl Experiments {
    /// These, and no others, from now on.
    pub fn replace(&self, experiments: Vec<Arc<Experiment>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = experiments;
    }

    /// Those that assign turns at this time, by key.
    #[must_use]
    pub fn open(&self, now: DateTime<Utc>) -> Vec<Arc<Experiment>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|experiment| experiment.is_open(now)).map(Arc::clone).collect()
    }
}
