//! Who is begun first when more are due than there are places.

use std::cmp::Ordering;

use chrono::{DateTime, TimeDelta, Utc};

use domain::ids::PersonaId;
use domain::persona::Persona;

/// How long somebody has been waiting, measured by how often he comes: ten minutes are long for whoever comes each hour,
/// and short for whoever comes each day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// Since when he is due and was not served, however many slots have come since.
    pub due_at: DateTime<Utc>,
    /// From one turn of his to the next.
    pub period: TimeDelta,
    /// When he was served last; who never was counts as one period late from the beginning.
    pub served: Option<DateTime<Utc>>,
    /// Who he is.
    pub persona: PersonaId,
}

impl Lateness {
    /// Of somebody who is due by mana-auth's rule (contract 4.1), and was seen to be due at `first_seen`.
    #[must_use]
    pub fn since_last(persona: &Persona, first_seen: DateTime<Utc>) -> Self {
        let (served, period) = (persona.last_active_at, persona.cadence.period());
        let due_at = served.map_or(first_seen, |served| served + period);
        Self { due_at, period, served, persona: persona.id.clone() }
    }

    /// Who of two is begun first at `now`: who is later, then who was served longer ago.
    #[must_use]
    pub fn rank(&self, other: &Self, now: DateTime<Utc>) -> Ordering {
        let later = (other.late(now) * self.measure()).cmp(&(self.late(now) * other.measure()));
        later.then_with(|| self.served.cmp(&other.served))
    }

    /// The same, and among equals who has the lower id.
    #[must_use]
    pub fn order(&self, other: &Self, now: DateTime<Utc>) -> Ordering {
        self.rank(other, now).then_with(|| self.persona.cmp(&other.persona))
    }

    /// In milliseconds.
    fn late(&self, now: DateTime<Utc>) -> i128 {
        let waits = i128::from((now - self.due_at).num_milliseconds().max(0));
        if self.served.is_none() { waits + self.measure() } else { waits }
    }

    fn measure(&self) -> i128 {
        i128::from(self.period.num_milliseconds().max(1))
    }
}

/// Who waits for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// A turn that was begun and goes on: before everybody else.
    GoesOn,
    /// Somebody who is due.
    Due(Lateness),
}

impl Urgency {
    /// Which of two gets the next place; equal ones keep their order.
    #[must_use]
    pub fn order(&self, other: &Self, now: DateTime<Utc>) -> Ordering {
        match (self, other) {
            (Self::Due(one), Self::Due(other)) => one.rank(other, now),
            (Self::GoesOn, Self::GoesOn) => Ordering::Equal,
            (Self::GoesOn, Self::Due(_)) => Ordering::Less,
            (Self::Due(_), Self::GoesOn) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_later_by_his_own_measure_is_begun_first() {
        let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().expect("an instant");
        let waiting = |name: &str, minutes_late: i64, period: i64, served: Option<i64>| Lateness {
            due_at: noon - TimeDelta::minutes(minutes_late),
            period: TimeDelta::hours(period),
            served: served.map(|hours| noon - TimeDelta::hours(hours)),
            persona: PersonaId::new(name),
        };
        let mut line = [
            waiting("daily, two hours late", 120, 24, Some(26)),
            waiting("b, hourly, ten minutes late", 10, 1, Some(1)),
            waiting("a, hourly, ten minutes late", 10, 1, Some(1)),
            waiting("hourly, ten minutes late, served longer ago", 10, 1, Some(2)),
            waiting("hourly, two hours late", 120, 1, Some(3)),
            waiting("never", 1, 24, None),
            waiting("hourly, half an hour late", 30, 1, Some(1)),
            waiting("the clock was set back", -30, 1, Some(1)),
        ];
        line.sort_by(|a, b| a.order(b, noon));
        let order: Vec<&str> = line.iter().map(|waiting| waiting.persona.as_str()).collect();
        let expected = [
            "hourly, two hours late",
            "never",
            "hourly, half an hour late",
            "hourly, ten minutes late, served longer ago",
            "a, hourly, ten minutes late",
            "b, hourly, ten minutes late",
            "daily, two hours late",
            "the clock was set back",
        ];
        assert_eq!(order, expected);
    }
}
