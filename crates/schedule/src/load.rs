//! Whether those who wait can be served before they are due again.

use std::time::Duration;

use chrono::TimeDelta;

/// How long a turn takes on average; the latest count most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace(Option<Duration>);

/// So much of each new turn goes into the average: one in so many.
const SHARE: u32 = 16;

impl Pace {
    /// One more turn took so long.
    pub fn add(&mut self, took: Duration) {
        self.0 = Some(match self.0 {
            None => took,
            Some(mean) => mean - mean / SHARE + took / SHARE,
        });
    }

    /// The average; none while no turn has ended.
    #[must_use]
    pub fn mean(self) -> Option<Duration> {
        self.0
    }
}

/// What part of the places' time those take up who wait, given how often each of them comes. Above 1 some of them are due
/// again before they are served.
#[must_use]
pub fn utilisation(periods: impl Iterator<Item = TimeDelta>, turn: Duration, places: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nobody has so many places")]
    let places = places.max(1) as f64;
    let seconds = |period: TimeDelta| period.to_std().unwrap_or_default().as_secs_f64().max(1.0);
    periods.map(|period| turn.as_secs_f64() / seconds(period)).sum::<f64>() / places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_are_too_few_when_the_last_is_served_after_he_is_due_again() {
        let turn = Duration::from_secs(60);
        for (waiting, hours, places, share) in [
            (0, 1, 2, 0.0),
            (60, 1, 2, 0.5),
            (120, 1, 2, 1.0),
            (150, 1, 2, 1.25),
            (1440, 24, 1, 1.0),
            (1440, 24, 4, 0.25),
        ] {
            let periods = (0..waiting).map(|_| TimeDelta::hours(hours));
            let found = utilisation(periods, turn, places);
            assert!((found - share).abs() < 1e-9, "{waiting} {hours} {places}: {found}");
        }
    }

    #[test]
    fn the_average_follows_the_latest_turns() {
        let mut pace = Pace::default();
        assert_eq!(pace.mean(), None);
        pace.add(Duration::from_secs(10));
        assert_eq!(pace.mean(), Some(Duration::from_secs(10)));
        for _ in 0..200 {
            pace.add(Duration::from_secs(30));
        }
        assert_eq!(pace.mean().map(|mean| mean.as_secs_f64().round()), Some(30.0));
    }
}
