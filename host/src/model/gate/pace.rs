//! How fast calls of one family leave, beside what their number and their limits allow.
//!
//! Several daemons that share a limit know nothing of each other. What is left of it is the one thing that all of them
//! are told, so each goes the slower the less is left: together they meet where as much is used as comes back. Who is
//! refused all the same goes half as fast, and a little faster again with each reply.

use std::time::Duration;

/// What is left is spent evenly over this time, in seconds, and over no more than this.
const HORIZON: f64 = 15.0;
const FARTHEST: f64 = 240.0;
/// Where nothing is told of limits, calls leave no closer than this after a refusal, in seconds, and never farther
/// apart than this.
const LEAST_GAP: f64 = 0.25;
const MOST_GAP: f64 = 60.0;
/// One slowing down for all that are refused together. Whoever is refused again after that has not slowed down enough:
/// the sooner it does, the fewer are refused until all daemons together fit.
const BETWEEN: Duration = Duration::from_secs(5);
/// What a reply leaves of a gap. Nearer to 1 the next refusal is later, and what came free is used later (the storm in
/// the tests has the figures).
const RECOVERS: f64 = 0.993;

#[derive(Debug)]
pub(super) struct Pace {
    horizon: f64,
    gap: f64,
    slowed_at: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { horizon: HORIZON, gap: 0.0, slowed_at: None }
    }
}

impl Pace {
    pub(super) fn slow_down(&mut self, now: Duration) {
        if self.slowed_at.is_none_or(|at| now.saturating_sub(at) >= BETWEEN) {
            self.horizon = (self.horizon * 2.0).min(FARTHEST);
            self.gap = (self.gap * 2.0).clamp(LEAST_GAP, MOST_GAP);
            self.slowed_at = Some(now);
        }
    }

    pub(super) fn speed_up(&mut self) {
        self.horizon = (self.horizon * 0.995).max(HORIZON);
        self.gap = if self.gap < 0.01 { 0.0 } else { self.gap * RECOVERS };
    }

    /// How long after the last call the next one leaves that takes `need` of the `left`. `chance` is from 0 to below 1.
    pub(super) fn after_last(&self, need: f64, left: f64, chance: f64) -> Duration {
        let even = if left > need { self.horizon * need / left } else { self.horizon };
        seconds(even.min(MOST_GAP), chance)
    }

    /// The same where no limit is known.
    pub(super) fn gap(&self, chance: f64) -> Duration {
        seconds(self.gap, chance)
    }
}

/// About so many, by chance.
fn seconds(number: f64, chance: f64) -> Duration {
    Duration::from_secs_f64(number * (0.75 + chance / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_is_left_the_slower() {
        let pace = Pace::default();
        let waits = [150.0, 15.0, 3.0, 1.0, 0.0].map(|left| pace.after_last(1.0, left, 0.5).as_millis());
        assert_eq!(waits, [100, 1000, 5000, 15_000, 15_000]);
    }

    #[test]
    fn a_refusal_halves_the_speed_once_for_all_and_replies_bring_it_back() {
        let mut pace = Pace::default();
        assert_eq!(pace.gap(0.5), Duration::ZERO);
        for (second, gap, even) in [
            (0, 250, 2000),
            (4, 250, 2000),
            (5, 500, 4000),
            (10, 1000, 8000),
            (15, 2000, 16_000),
            (20, 4000, 16_000),
        ] {
            pace.slow_down(Duration::from_secs(second));
            let found = (pace.gap(0.5).as_millis(), pace.after_last(1.0, 15.0, 0.5).as_millis());
            assert_eq!(found, (gap, even), "after {second} s");
        }
        (0..1000).for_each(|_| pace.speed_up());
        assert_eq!(
            (pace.gap(0.5), pace.after_last(1.0, 15.0, 0.5)),
            (Duration::ZERO, Duration::from_secs(1))
        );
    }
}
