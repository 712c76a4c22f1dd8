//! Whether those who wait for a place can be served before they are due again, and since when each newcomer waits.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use domain::event::Event;
use domain::ids::PersonaId;
use domain::persona::Persona;
use schedule::{Lateness, Pace, utilisation};

/// What is remembered of it.
#[derive(Debug, Default)]
pub(super) struct Backlog(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    pace: Pace,
    is_too_long: bool,
    /// When personas that were never active were first seen to be due: mana-auth does not say since when they are.
    newcomers: BTreeMap<PersonaId, DateTime<Utc>>,
}

impl Backlog {
    /// A turn took so long.
    pub(super) fn note_turn(&self, took: Duration) {
        self.with(|remembered| remembered.pace.add(took));
    }

    /// How late each of mana-auth's list is, in its order.
    pub(super) fn lateness(&self, list: &[Persona], now: DateTime<Utc>) -> Vec<Lateness> {
        self.with(|remembered| {
            let before = std::mem::take(&mut remembered.newcomers);
            let lateness = |persona: &Persona| {
                let first_seen = before.get(&persona.id).copied().unwrap_or(now);
                if persona.last_active_at.is_none() {
                    remembered.newcomers.insert(persona.id.clone(), first_seen);
                }
                Lateness::since_last(persona, first_seen)
            };
            list.iter().map(lateness).collect()
        })
    }

    /// How long the line is, by what can be served; nothing while no turn has ended.
    pub(super) fn told(&self, waiting: &[TimeDelta], places: usize) -> Option<Event> {
        self.with(|remembered| {
            let utilisation = utilisation(waiting.iter().copied(), remembered.pace.mean()?, places);
            let before = std::mem::replace(&mut remembered.is_too_long, utilisation > 1.0);
            Some(Event::Backlog {
                waiting: waiting.len(),
                utilisation,
                news: before != remembered.is_too_long,
            })
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Remembered) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
