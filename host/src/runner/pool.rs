//! The places that turns take, whichever tick began them, and who is under way: a persona does one thing at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use tokio::sync::oneshot;

use domain::clock::Clock;
use domain::ids::{PersonaId, TurnId};
use schedule::Urgency;

/// Lasts as long as the runner.
#[derive(Debug)]
pub(super) struct Pool {
    places: Places,
    under_way: Arc<UnderWay>,
}

/// Who is in line or plays.
type UnderWay = Mutex<BTreeMap<PersonaId, Under>>;

#[derive(Clone, Copy, Debug)]
struct Under {
    /// From one turn of the persona to the next.
    period: TimeDelta,
    /// Its turn, once it is known which; until then it waits.
    turn: Option<TurnId>,
}

/// How a persona is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnderWayAs {
    /// Its turn has a place.
    Plays,
    /// It waits for one.
    Waits,
}

/// A persona that is under way, as long as this lives.
#[derive(Debug)]
pub(super) struct Entry {
    persona: PersonaId,
    under_way: Arc<UnderWay>,
}

/// A place in the pool, as long as this lives.
#[derive(Debug)]
pub(super) struct Place(Option<Places>);

#[derive(Clone, Debug)]
struct Places {
    clock: Clock,
    line: Arc<Mutex<Line>>,
}

/// Nobody waits while a place is free.
#[derive(Debug)]
struct Line {
    all: usize,
    free: usize,
    /// So many of those that are taken go when they come free.
    owed: usize,
    /// The head of each tick's own line.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    urgency: Urgency,
    gets: oneshot::Sender<Place>,
}

impl Pool {
    pub(super) fn of(places: usize, clock: Clock) -> Self {
        let line = Arc::new(Mutex::new(Line { all: places, free: places, owed: 0, waiting: Vec::new() }));
        Self { places: Places { clock, line }, under_way: Arc::default() }
    }

    /// Puts a persona in line that comes once in so long, unless it is under way already.
    pub(super) fn enter(&self, persona: &PersonaId, period: TimeDelta) -> Result<Entry, UnderWayAs> {
        let mut under_way = lock(&self.under_way);
        if let Some(under) = under_way.get(persona) {
            return Err(if under.turn.is_some() { UnderWayAs::Plays } else { UnderWayAs::Waits });
        }
        under_way.insert(persona.clone(), Under { period, turn: None });
        Ok(Entry { persona: persona.clone(), under_way: Arc::clone(&self.under_way) })
    }

    /// Waits for a place: of all who wait, of whatever tick, the most urgent is first.
    pub(super) async fn place(&self, urgency: &Urgency) -> Place {
        let place = {
            let mut line = lock(&self.places.line);
            if line.free > 0 {
                line.free -= 1;
                return Place(Some(self.places.clone()));
            }
            let (gets, place) = oneshot::channel();
            line.waiting.push(Waiting { urgency: urgency.clone(), gets });
            place
        };
        place.await.expect("the line outlives whoever waits in it")
    }

    /// So many places from now on. Nobody who has one loses it.
    pub(super) fn resize(&self, to: usize) {
        let more = {
            let mut line = lock(&self.places.line);
            let fewer = line.all.saturating_sub(to);
            let now = fewer.min(line.free);
            line.free -= now;
            line.owed += fewer - now;
            let more = to.saturating_sub(line.all);
            let paid = more.min(line.owed);
            line.owed -= paid;
            line.all = to;
            more - paid
        };
        (0..more).for_each(|_| self.places.clone().give());
    }

    /// The turns that run.
    pub(super) fn turns(&self) -> BTreeSet<TurnId> {
        lock(&self.under_way).values().filter_map(|under| under.turn).collect()
    }

    /// Who is under way.
    pub(super) fn personas(&self) -> BTreeSet<PersonaId> {
        lock(&self.under_way).keys().cloned().collect()
    }

    /// How often each of those comes who wait.
    pub(super) fn backlog(&self) -> Vec<TimeDelta> {
        let waits = |under: &&Under| under.turn.is_none();
        lock(&self.under_way).values().filter(waits).map(|under| under.period).collect()
    }
}

impl Entry {
    /// From now on it is known which turn.
    pub(super) fn plays(&self, turn: TurnId) {
        if let Some(under) = lock(&self.under_way).get_mut(&self.persona) {
            under.turn = Some(turn);
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.persona);
    }
}

impl Places {
    /// Gives a place that is free to who is first in line.
    fn give(self) {
        loop {
            let first = {
                let (mut line, now) = (lock(&self.line), self.clock.now());
                if line.owed > 0 {
                    line.owed -= 1;
                    return;
                }
                let first = (0..line.waiting.len())
                    .min_by(|a, b| line.waiting[*a].urgency.order(&line.waiting[*b].urgency, now));
                match first {
                    Some(first) => line.waiting.remove(first),
                    None => {
                        line.free += 1;
                        return;
                    }
                }
            };
            match first.gets.send(Place(Some(self.clone()))) {
                Ok(()) => return,
                // It has gone; the next one gets it.
                Err(mut place) => place.0 = None,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.give();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use chrono::{DateTime, Utc};
    use schedule::Lateness;

    use super::*;

    fn late(name: &str, minutes: i64, period: i64, now: DateTime<Utc>) -> Urgency {
        Urgency::Due(Lateness {
            due_at: now - TimeDelta::minutes(minutes),
            period: TimeDelta::hours(period),
            served: Some(now - TimeDelta::days(1)),
            persona: PersonaId::new(name),
        })
    }

    fn ready<F: Future>(waits: Pin<&mut F>) -> Option<F::Output> {
        match waits.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_place_goes_to_the_most_urgent_of_all_who_wait() {
        let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().expect("an instant");
        let pool = Pool::of(1, Clock::starting_at(noon));
        let (early, later, hourly, on) =
            (late("a", 5, 24, noon), late("b", 90, 24, noon), late("c", 30, 1, noon), Urgency::GoesOn);
        let mut early = pin!(pool.place(&early));
        let mut later = pin!(pool.place(&later));
        let mut hourly = pin!(pool.place(&hourly));
        let mut on = pin!(pool.place(&on));
        let first = ready(early.as_mut()).expect("it is free");
        assert!(
            ready(later.as_mut()).is_none()
                && ready(hourly.as_mut()).is_none()
                && ready(on.as_mut()).is_none()
        );
        drop(first);
        let second = ready(on.as_mut()).expect("what was begun goes on first");
        assert!(ready(hourly.as_mut()).is_none());
        drop(second);
        let third = ready(hourly.as_mut()).expect("half an hour is long for it");
        assert!(ready(later.as_mut()).is_none());
        drop(third);
        assert!(ready(later.as_mut()).is_some());
    }

    #[test]
    fn a_place_is_not_lost_with_whoever_waited_for_it() {
        let pool = Pool::of(1, Clock::system());
        let on = Urgency::GoesOn;
        let first = ready(pin!(pool.place(&on))).expect("it is free");
        let mut patient = pin!(pool.place(&on));
        {
            let mut leaves = pin!(pool.place(&on));
            let mut leaves_later = pin!(pool.place(&on));
            assert!(ready(leaves.as_mut()).is_none() && ready(leaves_later.as_mut()).is_none());
        }
        assert!(ready(patient.as_mut()).is_none());
        drop(first);
        drop(ready(patient.as_mut()).expect("it waited longest"));
        // Given to somebody who leaves without having taken it.
        let held = ready(pin!(pool.place(&on))).expect("it is free again");
        {
            let mut leaves = pin!(pool.place(&on));
            assert!(ready(leaves.as_mut()).is_none());
            drop(held);
        }
        assert!(ready(pin!(pool.place(&on))).is_some());
    }

    #[test]
    fn places_are_more_or_fewer_and_nobody_loses_the_one_it_has() {
        let pool = Pool::of(1, Clock::system());
        let on = Urgency::GoesOn;
        let first = ready(pin!(pool.place(&on))).expect("it is free");
        let mut waits = pin!(pool.place(&on));
        assert!(ready(waits.as_mut()).is_none());
        pool.resize(3);
        let second = ready(waits).expect("there are more");
        let third = ready(pin!(pool.place(&on))).expect("and one more");
        pool.resize(1);
        drop(first);
        drop(second);
        let mut waits = pin!(pool.place(&on));
        assert!(ready(waits.as_mut()).is_none(), "one is left, and taken");
        // What was to go is not given back by who gets more.
        pool.resize(2);
        let fourth = ready(waits).expect("there is another");
        assert!(ready(pin!(pool.place(&on))).is_none());
        drop((third, fourth));
        let free: Vec<_> = (0..3).map(|_| ready(pin!(pool.place(&on)))).collect();
        assert_eq!(free.iter().filter(|place| place.is_some()).count(), 2);
    }

    #[test]
    fn a_persona_is_in_line_once_and_counts_until_it_plays() {
        let pool = Pool::of(1, Clock::system());
        let (anna, hour) = (PersonaId::new("anna"), TimeDelta::hours(1));
        let entry = pool.enter(&anna, hour).expect("nobody is under way");
        let again = || pool.enter(&anna, hour).expect_err("it is under way");
        assert_eq!(again(), UnderWayAs::Waits);
        assert_eq!((pool.backlog(), pool.personas().len()), (vec![hour], 1));
        entry.plays(TurnId::of(&anna, &domain::ids::Slot::after(None)));
        assert_eq!((pool.backlog(), pool.turns().len()), (vec![], 1));
        assert_eq!(again(), UnderWayAs::Plays);
        drop(entry);
        assert!(pool.enter(&anna, hour).is_ok());
    }
}
