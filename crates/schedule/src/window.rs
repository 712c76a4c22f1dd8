//! The part of a day in which slots lie.

use std::fmt;

use chrono::{NaiveTime, TimeDelta, Timelike as _};

/// From a time of day to a later one of the same day, by the clocks of the persona's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Seconds since midnight.
    from: u32,
    /// Seconds since midnight, above `from`; a day's length at most.
    until: u32,
}

/// Why a text names no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It is not two times of day.
    #[error("must be two times of day such as \"08:00-22:00\"")]
    Form,
    /// It ends when it begins, or before.
    #[error("must end after it begins, on the same day: \"22:00-24:00\" does, \"22:00-02:00\" does not")]
    Backward,
}

const DAY: u32 = 24 * 60 * 60;

impl Window {
    /// 08:00 to 22:00.
    pub const USUAL: Self = Self { from: 8 * 3600, until: 22 * 3600 };

    /// Reads `08:00-22:00`; the end of the day is `24:00`.
    ///
    /// # Errors
    /// When it is no window.
    pub fn parse(text: &str) -> Result<Self, WindowError> {
        let (from, until) = text.split_once('-').ok_or(WindowError::Form)?;
        let window = Self { from: time_of_day(from)?, until: time_of_day(until)? };
        if window.from >= window.until { Err(WindowError::Backward) } else { Ok(window) }
    }

    /// How long it is, by the clock.
    #[must_use]
    pub fn length(self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.until - self.from))
    }

    /// The time of day so long after its beginning.
    pub(crate) fn at(self, offset: TimeDelta) -> NaiveTime {
        let seconds = u32::try_from(offset.num_seconds()).unwrap_or_default() + self.from;
        NaiveTime::from_num_seconds_from_midnight_opt(seconds.min(DAY - 1), 0).unwrap_or_default()
    }
}

fn time_of_day(text: &str) -> Result<u32, WindowError> {
    let text = text.trim();
    if text == "24:00" {
        return Ok(DAY);
    }
    let time = NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| WindowError::Form)?;
    Ok(time.num_seconds_from_midnight())
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = |seconds: u32| (seconds / 3600, seconds / 60 % 60);
        let ((from, past), (until, to)) = (minutes(self.from), minutes(self.until));
        write!(f, "{from:02}:{past:02}-{until:02}:{to:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_two_times_of_one_day() {
        let (form, backward) = (Err(WindowError::Form), Err(WindowError::Backward));
        for (text, window) in [
            ("08:00-22:00", Ok("08:00-22:00")),
            (" 0:05 - 24:00 ", Ok("00:05-24:00")),
            ("08:00", form),
            ("8-22", form),
            ("08:00-25:00", form),
            ("24:00-24:00", backward),
            ("22:00-02:00", backward),
            ("09:00-09:00", backward),
        ] {
            let read = Window::parse(text).map(|window| window.to_string());
            assert_eq!(read.as_deref().map_err(|error| *error), window, "{text}");
        }
        assert_eq!(Window::USUAL, Window::parse("08:00-22:00").expect("a window"));
    }
}
