//! Local days in SQL: a zone's offsets over the time of which the ledger tells.

use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;

use super::LedgerError;
use super::added_up::{DAY, QUARTER};
use super::database::{Connection, sql};

const QUARTERS_OF_A_DAY: i64 = DAY / QUARTER;
/// 2100, in quarters since the epoch. What is said to be later than that, or before the epoch, is not of this world.
const LAST: i64 = 4_102_444_800_000 / QUARTER;

/// The offsets of a zone, one after the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LocalDays {
    /// Until when each holds and how much it is, both in quarters of an hour.
    until: Vec<(i64, i64)>,
    /// The one that holds then.
    last: i64,
}

impl LocalDays {
    /// As they were in this zone while anything was spent.
    pub(super) fn read(connection: &mut Connection<'_>, zone: Tz) -> Result<Self, LedgerError> {
        let bounds = "SELECT (SELECT min(since) FROM sums WHERE kind = 'day' AND what = '') AS first,
            (SELECT max(since) FROM sums WHERE kind = 'day' AND what = '') AS last";
        let bounds = connection.one(sql(bounds))?;
        let quarter =
            |column| Ok::<_, LedgerError>(bounds.get::<Option<i64>>(column)?.unwrap_or_default() / QUARTER);
        Ok(Self::between(quarter("first")?, quarter("last")?, zone))
    }

    fn between(first: i64, last: i64, zone: Tz) -> Self {
        let (mut at, end) = (first.clamp(0, LAST), last.clamp(0, LAST));
        let mut until = Vec::new();
        while at < end {
            let next = (at + QUARTERS_OF_A_DAY).min(end);
            let (before, after) = (offset(at, zone), offset(next, zone));
            if before != after {
                until.push((change(at, next, zone), before));
            }
            at = next;
        }
        Self { until, last: offset(end, zone) }
    }

    /// The number of the local day of an instant, in SQL.
    pub(super) fn number_of(&self, instant: &str) -> String {
        let quarter = format!("{instant} / {QUARTER}");
        let cases: String = self
            .until
            .iter()
            .map(|(until, offset)| format!("WHEN {quarter} < {until} THEN {offset} "))
            .collect();
        let offset = match cases.as_str() {
            "" => self.last.to_string(),
            cases => format!("CASE {cases}ELSE {} END", self.last),
        };
        format!("({quarter} + {offset}) / {QUARTERS_OF_A_DAY}")
    }

    /// The date of the day of this number.
    pub(super) fn named(number: &str) -> String {
        let instant =
            number.parse::<i64>().ok().and_then(|day| DateTime::from_timestamp_millis(day.checked_mul(DAY)?));
        instant.map_or_else(|| "–".to_owned(), |instant| instant.date_naive().to_string())
    }
}

/// The first quarter with the offset that holds at `later`, and not the one that holds at `earlier`.
fn change(mut earlier: i64, mut later: i64, zone: Tz) -> i64 {
    let before = offset(earlier, zone);
    while later - earlier > 1 {
        let middle = i64::midpoint(earlier, later);
        if offset(middle, zone) == before { earlier = middle } else { later = middle }
    }
    later
}

/// How far local time is ahead, in quarters.
fn offset(quarter: i64, zone: Tz) -> i64 {
    let instant = DateTime::from_timestamp_millis(quarter * QUARTER).unwrap_or_default();
    let ahead = zone.offset_from_utc_datetime(&instant.naive_utc()).fix().local_minus_utc();
    i64::from(ahead) * 1000 / QUARTER
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn each_change_of_the_clock_is_found_at_its_quarter() {
        let quarter = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis() / QUARTER;
        let year =
            |zone| LocalDays::between(quarter("2026-01-01T05:30:00Z"), quarter("2027-01-01T00:00:00Z"), zone);
        let berlin = year(Tz::Europe__Berlin);
        let changes = vec![(quarter("2026-03-29T01:00:00Z"), 4), (quarter("2026-10-25T01:00:00Z"), 8)];
        assert_eq!(berlin, LocalDays { until: changes, last: 4 });
        // By half an hour.
        let changes = vec![(quarter("2026-04-04T15:00:00Z"), 44), (quarter("2026-10-03T15:30:00Z"), 42)];
        assert_eq!(year(Tz::Australia__Lord_Howe), LocalDays { until: changes, last: 44 });
        assert_eq!(year(Tz::Asia__Kolkata), LocalDays { until: vec![], last: 22 });
        assert_eq!(LocalDays::between(i64::MIN, i64::MAX, Tz::UTC), LocalDays { until: vec![], last: 0 });
    }

    #[test]
    fn days_have_their_dates() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 29).unwrap();
        let number = day.signed_duration_since(NaiveDate::default()).num_days();
        assert_eq!(LocalDays::named(&number.to_string()), "2026-11-29");
        for other in ["", "x", "9223372036854775807"] {
            assert_eq!(LocalDays::named(other), "–");
        }
    }
}
