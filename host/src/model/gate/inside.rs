//! What clones of a gate and the passes that it gave out share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::allowance::Allowance;
use super::lane::Lane;
use super::prefix::Prefixes;
use super::refusals::Refusals;
use crate::breaker::Fuse;
use domain::event::Event;

/// The gate's own.
pub(super) struct Inside {
    pub(super) since: Instant,
    /// The most calls of a family that are under way at once.
    pub(super) most: AtomicUsize,
    pub(super) fuse: Fuse,
    pub(super) families: Mutex<BTreeMap<String, Arc<Family>>>,
    pub(super) prefixes: Prefixes,
    pub(super) refusals: Mutex<Refusals>,
    pub(super) allowance: Mutex<Allowance>,
    pub(super) tell: Box<dyn Fn(Event) + Send + Sync>,
}

/// The models that share their limits.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    /// Held by who is first in line.
    pub(super) line: tokio::sync::Mutex<()>,
    pub(super) lane: Mutex<Lane>,
    /// What Claude said when it asked for patience last.
    pub(super) asked: Mutex<String>,
    /// Something ended, or was told.
    pub(super) changed: Notify,
}

/// How a family's calls stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Which family.
    pub family: String,
    /// How many calls may be under way at once.
    pub window: usize,
    /// How many are.
    pub in_flight: usize,
}

impl Inside {
    /// How the calls of each family stand.
    pub(super) fn figures(&self) -> Vec<Figures> {
        let families = lock(&self.families);
        let figures = |family: &Arc<Family>| {
            let (window, in_flight) = lock(&family.lane).places();
            Figures { family: family.name.clone(), window, in_flight }
        };
        families.values().map(figures).collect()
    }

    /// The family of this name.
    pub(super) fn family(&self, name: &str) -> Arc<Family> {
        let mut families = lock(&self.families);
        let made = || {
            let lane = Mutex::new(Lane::up_to(self.most.load(Ordering::Relaxed)));
            Arc::new(Family {
                name: name.to_owned(),
                asked: Mutex::default(),
                line: tokio::sync::Mutex::default(),
                lane,
                changed: Notify::new(),
            })
        };
        Arc::clone(families.entry(name.to_owned()).or_insert_with(made))
    }
}

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.figures()).finish()
    }
}

/// Locks what nobody leaves half-done, whoever panicked meanwhile.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
