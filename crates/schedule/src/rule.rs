//! When one persona's slots are: the arithmetic of calendars.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

use super::local::{first_instant, has_day};
use super::spread::offset;
use super::when::{When, around};
use super::window::Window;
use domain::ids::{PersonaId, Slot};

/// When slots are.
#[derive(Clone, Debug)]
pub struct Rule {
    /// How often.
    pub when: When,
    /// By whose clocks.
    pub zone: Tz,
    /// In which part of a day, if there is one slot a day.
    pub window: Window,
    /// How late a slot may be when its turn is begun.
    pub catch_up: TimeDelta,
}

/// A slot: an instant, and by whose clocks it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When it comes.
    pub at: DateTime<Utc>,
    /// The zone.
    pub zone: Tz,
}

impl Moment {
    /// The same as the ledger knows it.
    #[must_use]
    pub fn slot(self) -> Slot {
        Slot::at(self.at, self.zone.name())
    }
}

/// A run of days without a slot is shorter: a weekend, and a day that a zone left out.
const MOST_DAYS: u64 = 5;

impl Rule {
    /// The latest slot that has come by `now`, and the first that has not.
    #[must_use]
    pub fn around(&self, persona: &PersonaId, now: DateTime<Utc>) -> (Option<Moment>, Option<Moment>) {
        let zone = if matches!(self.when, When::Every(_)) { Tz::UTC } else { self.zone };
        let (latest, next) = match &self.when {
            When::Daily | When::Weekdays => self.days_around(persona, now),
            When::Every(length) => intervals_around(persona, *length, now),
            When::Cron(cron) => around(cron, self.zone, now),
            When::Never => (None, None),
        };
        let moment = |at| Moment { at, zone };
        (latest.map(moment), next.map(moment))
    }

    /// The slot of a day: none where the day is none of the rule's, or is not in the calendar of the zone.
    #[must_use]
    pub fn slot_of(&self, persona: &PersonaId, date: NaiveDate) -> Option<DateTime<Utc>> {
        let is_weekend = matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        if matches!(self.when, When::Weekdays) && is_weekend || !has_day(date, self.zone) {
            return None;
        }
        let time = self.window.at(offset(persona, Some(date), self.window.length()));
        first_instant(date.and_time(time), self.zone)
    }

    /// From one slot to the next: what lateness is measured by.
    pub(crate) fn period(&self, latest: Moment, next: Option<Moment>) -> TimeDelta {
        match self.when {
            When::Every(length) => length,
            When::Cron(_) => next.map_or(DAY, |next| next.at - latest.at),
            When::Daily | When::Weekdays | When::Never => DAY,
        }
    }

    fn days_around(
        &self,
        persona: &PersonaId,
        now: DateTime<Utc>,
    ) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let today = now.with_timezone(&self.zone).date_naive();
        // Where a day's last hour is skipped, its slot may be the next day's first instant.
        let dates = |from: i64, step: i64| {
            (0..=MOST_DAYS + 1).filter_map(move |count| day(today, from + step * i64::try_from(count).ok()?))
        };
        let slots = |date| self.slot_of(persona, date);
        let latest = dates(1, -1).filter_map(slots).find(|at| *at <= now);
        let next = dates(-1, 1).filter_map(slots).find(|at| *at > now);
        (latest, next)
    }
}

const DAY: TimeDelta = TimeDelta::hours(24);

fn day(today: NaiveDate, away: i64) -> Option<NaiveDate> {
    let days = Days::new(away.unsigned_abs());
    if away < 0 { today.checked_sub_days(days) } else { today.checked_add_days(days) }
}

fn intervals_around(
    persona: &PersonaId,
    length: TimeDelta,
    now: DateTime<Utc>,
) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let seconds = length.num_seconds().max(1);
    let own = offset(persona, None, length).num_seconds();
    let number = (now.timestamp() - own).div_euclid(seconds);
    let at = |number: i64| DateTime::from_timestamp(number.checked_mul(seconds)?.checked_add(own)?, 0);
    (at(number), at(number + 1))
}
