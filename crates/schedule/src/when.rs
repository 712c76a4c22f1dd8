//! How often slots come.

use std::fmt;
use std::str::FromStr as _;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

use domain::persona::Cadence;

/// How often slots come.
#[derive(Clone, Debug)]
pub enum When {
    /// Once a day, in the window.
    Daily,
    /// The same from Monday to Friday, by the calendar of the persona's zone.
    Weekdays,
    /// Once in each such length of time, counted from the Unix epoch. It is a minute at least.
    Every(TimeDelta),
    /// At the times that an expression names, by the clocks of the persona's zone.
    Cron(Box<Cron>),
    /// Never.
    Never,
}

impl From<Cadence> for When {
    fn from(cadence: Cadence) -> Self {
        match cadence {
            Cadence::Hourly => Self::Every(TimeDelta::hours(1)),
            Cadence::Daily => Self::Daily,
            Cadence::Weekdays => Self::Weekdays,
        }
    }
}

/// Why a text is no cron expression that can be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// It cannot be read; in croner's words.
    #[error("must be a cron expression such as \"0 7 * * 1-5\" ({0})")]
    Form(String),
    /// It has a field for seconds, or one for years too.
    #[error(
        "must have five fields (minute, hour, day, month, weekday): slots are told apart by the minute, so there is no \
         field for seconds, nor one for years"
    )]
    Fields,
    /// It can be read.
    #[error("names a time that never comes")]
    Never,
}

/// Reads a cron expression: minute, hour, day, month, weekday.
///
/// # Errors
/// When it cannot be read, has more fields, or no time fits it.
pub fn cron(expression: &str) -> Result<When, CronError> {
    if expression.split_whitespace().count() > 5 {
        return Err(CronError::Fields);
    }
    let form = |error: croner::errors::CronError| CronError::Form(error.to_string());
    let cron = Cron::from_str(expression).map_err(form)?;
    cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, true).map_err(|_| CronError::Never)?;
    Ok(When::Cron(Box::new(cron)))
}

/// The last time of an expression up to `now`, and the first after it.
pub(crate) fn around(
    cron: &Cron,
    zone: Tz,
    now: DateTime<Utc>,
) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let here = now.with_timezone(&zone);
    let utc = |found: DateTime<Tz>| found.with_timezone(&Utc);
    let latest = cron.find_previous_occurrence(&here, true).ok().map(utc);
    let next = cron.find_next_occurrence(&here, false).ok().map(utc);
    (latest, next)
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daily => f.write_str("daily"),
            Self::Weekdays => f.write_str("weekdays"),
            Self::Every(length) if *length == TimeDelta::hours(1) => f.write_str("hourly"),
            Self::Every(length) => write!(f, "every {} s", length.num_seconds()),
            Self::Cron(cron) => write!(f, "cron {:?}", cron.as_str()),
            Self::Never => f.write_str("never"),
        }
    }
}
