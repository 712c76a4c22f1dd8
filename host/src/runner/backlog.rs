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

#[cfg(test)]
mod tests {
    use domain::persona::Cadence;

    use super::*;

    fn persona(name: &str, last_active_at: Option<DateTime<Utc>>) -> Persona {
        Persona {
            id: PersonaId::new(name),
            email: format!("{name}@mana.test"),
            archetype: String::new(),
            system_prompt: String::new(),
            module_mix: vec![],
            cadence: Cadence::Daily,
            last_active_at,
        }
    }

    #[test]
    fn a_newcomer_waits_from_when_it_was_first_seen_and_is_one_period_late_from_the_beginning() {
        let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().expect("an instant");
        let backlog = Backlog::default();
        let newcomer = persona("newcomer", None);
        let mut first = backlog.lateness(std::slice::from_ref(&newcomer), noon);
        // More are due than can be served, so all others are later than a day by now.
        let later = noon + TimeDelta::hours(12);
        let others = [30, 47, 61].map(|hours| {
            persona(&format!("active {hours} hours ago"), Some(later - TimeDelta::hours(hours)))
        });
        let list = [&[newcomer][..], &others].concat();
        let mut line = backlog.lateness(&list, later);
        assert_eq!(line.first(), first.pop().as_ref(), "it has not begun to wait anew");
        line.sort_by(|one, other| one.rank(other, later));
        let order: Vec<&str> = line.iter().map(|waiting| waiting.persona.as_str()).collect();
        let latest = ["active 61 hours ago", "newcomer", "active 47 hours ago", "active 30 hours ago"];
        assert_eq!(order, latest, "37, 36, 23 and 6 hours late");
        backlog.lateness(&others, later);
        let anew = backlog.lateness(&list[..1], later);
        assert_eq!(anew.first().map(|waiting| waiting.due_at), Some(later), "who was served is forgotten");
    }

    #[test]
    fn only_a_change_is_news() {
        let backlog = Backlog::default();
        let waiting = |hours: i64, count: usize| vec![TimeDelta::hours(hours); count];
        assert!(backlog.told(&waiting(1, 500), 1).is_none(), "no turn has ended yet");
        backlog.note_turn(Duration::from_secs(60));
        for (count, news) in [(30, false), (61, true), (90, false), (59, true), (0, false)] {
            let told = backlog.told(&waiting(1, count), 1);
            let is_news = matches!(told, Some(Event::Backlog { news: true, .. }));
            assert_eq!(is_news, news, "{count}: {told:?}");
        }
    }
}
