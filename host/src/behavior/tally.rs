//! What the calls of one generation came to.

use std::collections::VecDeque;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::call::{CallError, Called};

/// So many of the last calls count for the quantiles.
const REMEMBERED: usize = 512;

/// What the calls of one generation came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    calls: u64,
    failures: u64,
    breakdowns: u64,
    fuel: u64,
    memory: usize,
    took: VecDeque<Duration>,
}

/// The same in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Calls.
    pub calls: u64,
    /// Of these, how often the plugin said no, or its answer could not be used.
    pub failures: u64,
    /// Of these, how often it trapped or had to be stopped.
    pub traps: u64,
    /// The middle time of the last 512 calls, in microseconds.
    pub p50_us: u64,
    /// The time that 95 of 100 of these kept, in microseconds.
    pub p95_us: u64,
    /// Fuel of all calls.
    pub fuel: u64,
    /// The most memory of a call, in bytes.
    pub memory_peak: usize,
}

impl Tally {
    pub(super) fn add<T>(&mut self, called: &Called<T>) {
        self.calls += 1;
        match &called.result {
            Ok(_) => {}
            Err(error) if error.is_breakdown() => self.breakdowns += 1,
            Err(CallError::Failed(_) | CallError::Unacceptable { .. }) => self.failures += 1,
            Err(_) => {}
        }
        self.fuel = self.fuel.saturating_add(called.fuel);
        self.memory = self.memory.max(called.memory);
        if self.took.len() == REMEMBERED {
            self.took.pop_front();
        }
        self.took.push_back(called.took);
    }

    pub(super) fn figures(&self) -> Figures {
        let mut sorted: Vec<Duration> = self.took.iter().copied().collect();
        sorted.sort_unstable();
        Figures {
            calls: self.calls,
            failures: self.failures,
            traps: self.breakdowns,
            p50_us: quantile(&sorted, 50),
            p95_us: quantile(&sorted, 95),
            fuel: self.fuel,
            memory_peak: self.memory,
        }
    }
}

/// The nearest rank: the smallest time that `percent` of the calls kept. In microseconds.
fn quantile(sorted: &[Duration], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    let found = rank.checked_sub(1).and_then(|index| sorted.get(index));
    found.map_or(0, |took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_time_that_was_measured() {
        let times: Vec<Duration> = (1..=20).map(Duration::from_micros).collect();
        for (sorted, percent, expected) in
            [(&times[..], 50, 10), (&times, 95, 19), (&times[..1], 50, 1), (&times[..1], 95, 1), (&[], 50, 0)]
        {
            assert_eq!(quantile(sorted, percent), expected, "{percent} of {}", sorted.len());
        }
    }
}
