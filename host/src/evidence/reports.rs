//! Reports that are computed once, and again when the ledger holds something else of their experiment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{NoEvidence, Record};
use crate::store::Ledger;
use experiment::report::Report;

/// The reports of experiments as they are now.
#[derive(Debug, Default)]
pub struct Reports(Mutex<BTreeMap<String, (String, Arc<Report>)>>);

impl Reports {
    /// The report of the last phase of an experiment's newest version.
    ///
    /// # Errors
    /// When there is no such experiment, nothing to compare yet, or the ledger cannot be read.
    pub async fn of(&self, ledger: &Ledger, key: &str) -> Result<Arc<Report>, NoEvidence> {
        // What it is computed from may have changed meanwhile, and then it is computed again at the next look.
        let mark = ledger.mark_of(key).await?;
        if let Some((_, report)) = self.kept().get(key).filter(|(before, _)| *before == mark) {
            return Ok(Arc::clone(report));
        }
        let report = Arc::new(Record::read(ledger, key, None).await?.report(None)?);
        self.kept().insert(key.to_owned(), (mark, Arc::clone(&report)));
        Ok(report)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (String, Arc<Report>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
