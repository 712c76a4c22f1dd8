//! The places that turns take, whichever tick began them, and who is under way: a persona does one thing at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use domain::ids::{PersonaId, TurnId};

/// Lasts as long as the runner.
#[derive(Debug)]
pub(super) struct Pool {
    /// Fair: who has waited longest is first, of whatever tick.
    places: Arc<Semaphore>,
    under_way: Arc<UnderWay>,
}

/// Whose turn is in line or runs; the turn, once it is known which.
type UnderWay = Mutex<BTreeMap<PersonaId, Option<TurnId>>>;

/// A persona that is under way, as long as this lives.
#[derive(Debug)]
pub(super) struct Entry {
    persona: PersonaId,
    under_way: Arc<UnderWay>,
}

/// A place in the pool, as long as this lives.
pub(super) type Place = OwnedSemaphorePermit;

impl Pool {
    pub(super) fn of(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), under_way: Arc::default() }
    }

    /// Puts a persona in line. Nothing: it is under way already.
    pub(super) fn enter(&self, persona: &PersonaId) -> Option<Entry> {
        let mut under_way = lock(&self.under_way);
        if under_way.contains_key(persona) {
            return None;
        }
        under_way.insert(persona.clone(), None);
        Some(Entry { persona: persona.clone(), under_way: Arc::clone(&self.under_way) })
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Place {
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.expect("nobody closes the places")
    }

    /// The turns that run.
    pub(super) fn turns(&self) -> BTreeSet<TurnId> {
        lock(&self.under_way).values().flatten().copied().collect()
    }
}

impl Entry {
    /// From now on it is known which turn.
    pub(super) fn plays(&self, turn: TurnId) {
        lock(&self.under_way).insert(self.persona.clone(), Some(turn));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.persona);
    }
}

fn lock(under_way: &UnderWay) -> MutexGuard<'_, BTreeMap<PersonaId, Option<TurnId>>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}
