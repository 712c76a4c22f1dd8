//! From a local time of day to an instant, also where the clocks change.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};

/// The first instant at which clocks in `zone` show `local`. A time that they skip is the first instant after the gap,
/// and of a time that they show twice it is the first.
#[must_use]
pub fn first_instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let shown = zone.from_local_datetime(&local).earliest();
    let instant = shown.or_else(|| GapInfo::new(&local, &zone)?.end)?;
    Some(instant.with_timezone(&Utc))
}

/// Whether there is such a day in `zone`: where the date line was moved, one was left out.
pub(crate) fn has_day(date: NaiveDate, zone: Tz) -> bool {
    let begins = first_instant(date.and_time(NaiveTime::MIN), zone);
    begins.is_some_and(|instant| instant.with_timezone(&zone).date_naive() == date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_skipped_comes_after_the_gap_and_one_that_is_repeated_comes_first() {
        for (zone, local, instant) in [
            ("Europe/Berlin", "2026-06-01T08:00:00", "2026-06-01T06:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
            ("Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
            // Half an hour only.
            ("Australia/Lord_Howe", "2026-10-04T02:10:00", "2026-10-03T15:30:00Z"),
            // The day begins at one o'clock.
            ("Africa/Cairo", "2026-04-24T00:20:00", "2026-04-23T22:00:00Z"),
            // The day ends at eleven in the evening.
            ("America/Nuuk", "2026-03-28T23:30:00", "2026-03-29T01:00:00Z"),
        ] {
            let zone: Tz = zone.parse().expect("a zone");
            let local: NaiveDateTime = local.parse().expect("a local time");
            let found = first_instant(local, zone).expect("an instant");
            assert_eq!(found, instant.parse::<DateTime<Utc>>().expect("an instant"), "{zone} {local}");
        }
    }

    #[test]
    fn a_day_that_was_left_out_is_none() {
        for (zone, date, there) in [
            ("Pacific/Apia", "2011-12-29", true),
            ("Pacific/Apia", "2011-12-30", false),
            ("Pacific/Apia", "2011-12-31", true),
            ("Africa/Cairo", "2026-04-24", true),
        ] {
            let zone: Tz = zone.parse().expect("a zone");
            assert_eq!(has_day(date.parse().expect("a date"), zone), there, "{zone} {date}");
        }
    }
}
