//! A persona as the directory describes it, and who is addressed by which strategy.

use chrono::{DateTime, Datelike as _, Days, NaiveTime, TimeDelta, Utc, Weekday};
use serde::{Deserialize, Serialize};

use super::ids::{PersonaId, Slot};

/// A synthetic user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Persona {
    /// The user id in mana-auth.
    pub id: PersonaId,
    /// The address it signs in with; also the message of its HMAC password.
    pub email: String,
    /// The kind of person, such as `adhd-student`.
    pub archetype: String,
    /// Who the persona is, in the second person.
    pub system_prompt: String,
    /// What it is inclined to use, in the order in which the directory gave it.
    pub module_mix: Vec<ModuleWeight>,
    /// How often it acts.
    pub cadence: Cadence,
    /// When mana-auth last saw actions of it.
    pub last_active_at: Option<DateTime<Utc>>,
}

impl Persona {
    /// The occasion for which this entry of the due list stands.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot::after(self.last_active_at)
    }
}

/// One entry of a module mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleWeight {
    /// The module's name.
    pub module: String,
    /// Its relative weight, 0 or more.
    pub weight: f64,
}

/// How often a persona acts (contract 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cadence {
    /// Once an hour.
    Hourly,
    /// Once a day.
    Daily,
    /// Once a day from Monday to Friday.
    Weekdays,
}

impl Cadence {
    /// From one activity of a persona to the next (contract 4.1).
    #[must_use]
    pub fn period(self) -> TimeDelta {
        match self {
            Self::Hourly => TimeDelta::hours(1),
            Self::Daily | Self::Weekdays => TimeDelta::hours(24),
        }
    }

    /// From when on mana-auth names a persona that was active last at this instant (contract 4.1): when its pause is over,
    /// and with `weekdays` not on a Saturday or Sunday (UTC).
    #[must_use]
    pub fn due_after(self, last_active: DateTime<Utc>) -> DateTime<Utc> {
        let over = last_active + self.period();
        let days = match (self, over.weekday()) {
            (Self::Weekdays, Weekday::Sat) => 2,
            (Self::Weekdays, Weekday::Sun) => 1,
            _ => return over,
        };
        let monday = over.date_naive() + Days::new(days);
        monday.and_time(NaiveTime::MIN).and_utc()
    }

    /// Its word, which is mana-auth's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekdays => "weekdays",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_played_is_due_when_the_pause_is_over_and_on_a_weekday_if_it_has_the_weekend_off() {
        // 2026-11-20 is a Friday.
        for (cadence, last, due) in [
            (Cadence::Hourly, "2026-11-20T12:30:00Z", "2026-11-20T13:30:00Z"),
            (Cadence::Daily, "2026-11-20T12:30:00Z", "2026-11-21T12:30:00Z"),
            (Cadence::Weekdays, "2026-11-19T12:30:00Z", "2026-11-20T12:30:00Z"),
            (Cadence::Weekdays, "2026-11-20T12:30:00Z", "2026-11-23T00:00:00Z"),
            (Cadence::Weekdays, "2026-11-21T12:30:00Z", "2026-11-23T00:00:00Z"),
            (Cadence::Weekdays, "2026-11-22T12:30:00Z", "2026-11-23T12:30:00Z"),
        ] {
            let [last, due]: [DateTime<Utc>; 2] = [last, due].map(|at| at.parse().expect("an instant"));
            assert_eq!(cadence.due_after(last), due, "{cadence:?} {last}");
        }
    }
}
