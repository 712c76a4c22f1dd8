//! Reports that are computed once, and again when the ledger holds something else of their experiment; one at a time, and
//! aside from who asks, since those of some thousand turns take a while.

use std::collections::BTreeMap;
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use experiment::analysis::Unanalyzable;
use experiment::report::Report;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::{NoEvidence, Record};
use crate::store::Ledger;

/// How long somebody waits for a report who can do without.
const PATIENCE: Duration = Duration::from_millis(50);

/// The reports of experiments as they are now.
#[derive(Debug, Default)]
pub struct Reports {
    kept: Mutex<BTreeMap<String, Kept>>,
    /// Whose turn it is to compute.
    place: tokio::sync::Mutex<()>,
}

/// What an experiment comes to, and the mark of the ledger at which it did.
#[derive(Clone, Debug)]
struct Kept {
    mark: String,
    came_to: Result<Arc<Report>, Unanalyzable>,
}

/// What there is of a report at this moment.
#[derive(Clone, Debug)]
pub enum AtHand {
    /// The one of now.
    Newest(Arc<Report>),
    /// One of before: turns have been played since, and the next one is being computed.
    Older(Arc<Report>),
    /// None: the first one is being computed.
    None,
}

impl Reports {
    /// The report of the last phase of an experiment's newest version, however long it takes.
    ///
    /// # Errors
    /// When there is no such experiment, nothing to compare yet, or the ledger cannot be read.
    pub async fn of(self: &Arc<Self>, ledger: &Arc<Ledger>, key: &str) -> Result<Arc<Report>, NoEvidence> {
        let mark = ledger.mark_of(key).await?;
        if let Some(kept) = self.kept(key).filter(|kept| kept.mark == mark) {
            return kept.told(key);
        }
        let (own, ledger, key) = (Arc::clone(self), Arc::clone(ledger), key.to_owned());
        // It goes on when nobody waits for it any more: they look again.
        finished(tokio::spawn(async move { own.compute(&ledger, &key).await })).await
    }

    /// The same, or what there is of it in a moment.
    ///
    /// # Errors
    /// As for [`Self::of`].
    pub async fn at_hand(self: &Arc<Self>, ledger: &Arc<Ledger>, key: &str) -> Result<AtHand, NoEvidence> {
        match timeout(PATIENCE, self.of(ledger, key)).await {
            Ok(report) => Ok(AtHand::Newest(report?)),
            Err(_) => {
                Ok(self.kept(key).and_then(|kept| kept.came_to.ok()).map_or(AtHand::None, AtHand::Older))
            }
        }
    }

    async fn compute(&self, ledger: &Ledger, key: &str) -> Result<Arc<Report>, NoEvidence> {
        let _place = self.place.lock().await;
        // What it is computed from may change meanwhile, and then it is computed again at the next look.
        let mark = ledger.mark_of(key).await?;
        if let Some(kept) = self.kept(key).filter(|kept| kept.mark == mark) {
            return kept.told(key);
        }
        let record = Record::read(ledger, key, None).await?;
        let came_to = match finished(spawn_blocking(move || record.report(None))).await {
            Ok(report) => Ok(Arc::new(report)),
            Err(NoEvidence::Unanalyzable { why, .. }) => Err(why),
            Err(other) => return Err(other),
        };
        let kept = Kept { mark, came_to };
        self.all_kept().insert(key.to_owned(), kept.clone());
        kept.told(key)
    }

    fn kept(&self, key: &str) -> Option<Kept> {
        self.all_kept().get(key).cloned()
    }

    fn all_kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn told(self, key: &str) -> Result<Arc<Report>, NoEvidence> {
        self.came_to.map_err(|why| NoEvidence::Unanalyzable { key: key.to_owned(), why })
    }
}

/// What came of something that was begun aside. A panic goes on here, and at the end of the program nothing comes.
async fn finished<T>(begun: JoinHandle<T>) -> T {
    match begun.await {
        Ok(came) => came,
        Err(end) if end.is_panic() => resume_unwind(end.into_panic()),
        Err(_) => pending().await,
    }
}
