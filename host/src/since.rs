//! Since when, as people write it: so long ago, from a day on, or from an instant on; of events also from a number on.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(Duration),
    /// From then on.
    At(DateTime<Utc>),
}

/// What can be written.
const WRITTEN: &str = "be a time ago such as 24h or 7d, a day (UTC) such as 2026-11-29, or an instant as in RFC 3339 such as \
     2026-11-29T08:30:00Z";

impl Since {
    /// The instant, seen from `now`. Before 1970 nothing ran.
    #[must_use]
    pub fn seen_from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => {
                let at = TimeDelta::from_std(ago).ok().and_then(|ago| now.checked_sub_signed(ago));
                at.unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH)
            }
        }
    }
}

/// From where on events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Behind the event of this number.
    Behind(i64),
    /// From then on.
    Since(Since),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        match (number, text.parse()) {
            (Some(number), _) => Ok(Self::Behind(number)),
            (None, Ok(since)) => Ok(Self::Since(since)),
            (None, Err(_)) => Err(format!("it must be the number of an event, or {WRITTEN}")),
        }
    }
}

/// As it can be read again.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind(number) => number.fmt(f),
            Self::Since(Since::Ago(ago)) => humantime::format_duration(*ago).fmt(f),
            Self::Since(Since::At(at)) => f.write_str(&at.to_rfc3339()),
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        if let Ok(day) = text.parse::<NaiveDate>() {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        humantime::parse_duration(text).map(Self::Ago).map_err(|_| format!("it must {WRITTEN}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written_and_otherwise_says_how_to_write_it() {
        let now: DateTime<Utc> = "2026-11-29T12:00:00Z".parse().expect("an instant");
        for (text, at) in [
            ("24h", "2026-11-28T12:00:00Z"),
            ("1d 12h", "2026-11-28T00:00:00Z"),
            ("0s", "2026-11-29T12:00:00Z"),
            ("2026-11-29", "2026-11-29T00:00:00Z"),
            ("2026-11-29T08:30:00.5+01:00", "2026-11-29T07:30:00.5Z"),
            ("400000d", "1970-01-01T00:00:00Z"),
            ("200000000000000d", "1970-01-01T00:00:00Z"),
        ] {
            let since: Since = text.parse().expect(text);
            assert_eq!(since.seen_from(now), at.parse::<DateTime<Utc>>().expect("an instant"), "{text}");
        }
        for text in ["", "yesterday", "7", "-3h", "2026-02-30", "29.11.2026", "2026-11-29T00:00:00+25:00"] {
            let said = text.parse::<Since>().expect_err(text);
            assert!(said.contains("such as 24h"), "{said}");
        }
    }

    #[test]
    fn a_place_is_a_number_or_a_time_and_is_written_as_it_can_be_read() {
        for (text, place) in [
            ("0", Some(Place::Behind(0))),
            ("1204", Some(Place::Behind(1204))),
            ("24h", Some(Place::Since(Since::Ago(Duration::from_secs(86_400))))),
            ("-1", None),
            ("+1", None),
            ("99999999999999999999", None),
            ("", None),
        ] {
            let read = text.parse::<Place>().ok();
            assert_eq!(read, place, "{text}");
            assert_eq!(read.map(|place| place.to_string().parse()), place.map(Ok), "{text}");
        }
        let day: Place = "2026-11-29".parse().expect("a day");
        assert_eq!(day.to_string().parse(), Ok(day));
    }
}
