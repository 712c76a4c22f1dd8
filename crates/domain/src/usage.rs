//! Tokens and money.

use std::fmt;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens of one or more model calls, as the Messages API counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Prompt tokens that were neither written to nor read from the cache.
    pub input: u64,
    /// Tokens of the reply.
    pub output: u64,
    /// Prompt tokens written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// Prompt tokens written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Prompt tokens read from the cache.
    pub cache_read: u64,
}

impl Usage {
    /// All prompt tokens, cached or not.
    #[must_use]
    pub fn prompt(&self) -> u64 {
        let cached = [self.cache_write_5m, self.cache_write_1h, self.cache_read];
        cached.into_iter().fold(self.input, u64::saturating_add)
    }

    /// All tokens, of prompts and replies.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }
}

/// Sums stop at the most that there is: what a damaged row holds is shown, and ends nothing.
impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let Self { input, output, cache_write_5m, cache_write_1h, cache_read } = self;
        for (own, more) in [
            (input, other.input),
            (output, other.output),
            (cache_write_5m, other.cache_write_5m),
            (cache_write_1h, other.cache_write_1h),
            (cache_read, other.cache_read),
        ] {
            *own = own.saturating_add(more);
        }
    }
}

/// An amount in billionths of a US dollar; exact, because the cheapest token costs five of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// The amount in dollars, for people and for JSON.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown, never calculated with")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}", self.dollars())
    }
}

/// What a call cost: `None` when the model's price is not known. Never zero for want of a price.
pub type Cost = Option<NanoUsd>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_counts_add_up_to_the_most_that_there_is() {
        let most = u64::MAX;
        let absurd =
            Usage { input: most, output: most, cache_write_5m: 1, cache_write_1h: most, cache_read: most };
        assert_eq!((absurd.prompt(), absurd.total()), (most, most));
        let mut sum = absurd;
        sum += absurd;
        assert_eq!(sum, Usage { cache_write_5m: 2, ..absurd });
        let usage = Usage { input: 1, output: 2, cache_write_5m: 3, cache_write_1h: 4, cache_read: 5 };
        assert_eq!((usage.prompt(), usage.total()), (13, 15));
    }
}
