//! The limits of a family of models, as each answer tells them (`anthropic-ratelimit-*`), and what a call takes of them.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap};

use super::pace::Pace;

/// A minute's worth is refilled in a minute, where the API does not say more.
const MINUTE: f64 = 60.0;
/// It is not waited longer than this by our own reckoning, in seconds: then Claude may say no.
const LONGEST: f64 = 60.0;
/// What is limited, by the API's names.
const NAMES: [&str; 4] = ["requests", "input-tokens", "output-tokens", "tokens"];

/// What a call is expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Need {
    /// Prompt tokens that the cache does not hold.
    pub input: f64,
    /// Tokens of the reply.
    pub output: f64,
}

/// How much of each limit is left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Levels([Option<Level>; 4]);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Level {
    limit: f64,
    remaining: f64,
    /// How much comes back in a second.
    refill: f64,
    told_at: Duration,
}

impl Need {
    fn amounts(self) -> [f64; 4] {
        [1.0, self.input, self.output, self.input + self.output]
    }
}

impl Levels {
    /// What an answer's headers tell. Times of the API are compared with the answer's own, so that our clock need not
    /// be right.
    #[must_use]
    pub fn of(headers: &HeaderMap, now: Duration) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let date = text(DATE.as_str()).and_then(|text| DateTime::parse_from_rfc2822(text).ok());
        Self(NAMES.map(|name| {
            let field = |field: &str| text(&format!("anthropic-ratelimit-{name}-{field}"));
            let number = |name: &str| field(name)?.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
            let (limit, remaining) = (number("limit").filter(|limit| *limit > 0.0)?, number("remaining")?);
            let full_at = field("reset").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            let full_in = full_at.zip(date).and_then(|(at, now)| (at - now).to_std().ok());
            let by_reset = |full_in: Duration| (limit - remaining) / full_in.as_secs_f64();
            let refill = full_in.filter(|wait| !wait.is_zero()).map(by_reset).filter(|rate| *rate > 0.0);
            Some(Level { limit, remaining, refill: refill.unwrap_or(limit / MINUTE), told_at: now })
        }))
    }

    /// What is told now counts; what is not told stays as it was.
    pub(super) fn learn(&mut self, told: Self) {
        for (own, told) in self.0.iter_mut().zip(told.0) {
            *own = told.or(*own);
        }
    }

    /// From when on a call may leave that needs this, while these others are on their way to Claude and the last one
    /// has left at that time.
    pub(super) fn free_at(
        &self,
        need: Need,
        on_their_way: &[f64; 4],
        last: Duration,
        pace: &Pace,
        chance: f64,
    ) -> Duration {
        let amounts = need.amounts().into_iter().zip(on_their_way);
        let levels =
            self.0.iter().zip(amounts).filter_map(|(level, amounts)| Some((level.as_ref()?, amounts)));
        let each = levels.map(|(level, (need, others))| level.free_at(need, *others, last, pace, chance));
        each.max().unwrap_or_default()
    }

    /// A call leaves, or is heard of again.
    pub(super) fn count(on_their_way: &mut [f64; 4], need: Need, sign: f64) {
        for (own, need) in on_their_way.iter_mut().zip(need.amounts()) {
            *own = (*own + sign * need).max(0.0);
        }
    }
}

impl Level {
    fn free_at(&self, need: f64, others: f64, last: Duration, pace: &Pace, chance: f64) -> Duration {
        // More than there ever is would be waited for in vain.
        let need = need.min(self.limit);
        let left = self.remaining - others;
        let at = last + pace.after_last(need, left, chance);
        if left >= need {
            return at;
        }
        let missing = ((need - left) / self.refill).min(LONGEST);
        at.max(self.told_at + Duration::from_secs_f64(missing * (1.0 + chance / 4.0)))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const NOW: Duration = Duration::from_secs(100);
    const NOTHING: [f64; 4] = [0.0; 4];

    fn levels(headers: &[(&'static str, &'static str)]) -> Levels {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        Levels::of(&headers.collect(), NOW)
    }

    fn free_after(levels: &Levels, need: Need, others: &[f64; 4]) -> f64 {
        levels.free_at(need, others, NOW, &Pace::default(), 0.5).as_secs_f64() - NOW.as_secs_f64()
    }

    #[test]
    fn what_is_left_is_spent_evenly_and_what_is_missing_is_waited_for() {
        const DATE: (&str, &str) = ("date", "Sun, 22 Nov 2026 10:00:00 GMT");
        const LIMIT: (&str, &str) = ("anthropic-ratelimit-requests-limit", "60");
        let requests = |remaining| {
            levels(&[
                LIMIT,
                DATE,
                ("anthropic-ratelimit-requests-remaining", remaining),
                ("anthropic-ratelimit-requests-reset", "2026-11-22T10:02:00Z"),
            ])
        };
        let plain = Need::default();
        for (levels, need, others, seconds) in [
            (levels(&[]), plain, NOTHING, -100.0),
            (levels(&[LIMIT]), plain, NOTHING, -100.0),
            (requests("50"), plain, NOTHING, 0.3),
            (requests("5"), plain, NOTHING, 3.0),
            // Three of them are on their way.
            (requests("5"), plain, [3.0, 0.0, 0.0, 0.0], 7.5),
            // 60 come back in two minutes; the eighth part of the time is chance.
            (requests("0"), plain, NOTHING, 15.0),
            (requests("0"), plain, [20.0, 0.0, 0.0, 0.0], 47.25),
            (requests("soon"), plain, NOTHING, -100.0),
        ] {
            let found = free_after(&levels, need, &others);
            assert!((found - seconds).abs() < 1e-6, "{levels:?}: {found}, and not {seconds}");
        }
    }

    #[test]
    fn tokens_count_as_they_are_needed_and_nothing_is_waited_for_in_vain() {
        let output = levels(&[
            ("anthropic-ratelimit-output-tokens-limit", "6000"),
            ("anthropic-ratelimit-output-tokens-remaining", "1000"),
        ]);
        let need = |output| Need { input: 1e6, output };
        for (output_needed, seconds) in [(100.0, 1.5), (1000.0, 15.0), (2000.0, 15.0), (9000.0, 56.25)] {
            let found = free_after(&output, need(output_needed), &NOTHING);
            assert!((found - seconds).abs() < 1e-6, "{output_needed}: {found}");
        }
        let mut known = output;
        known.learn(levels(&[]));
        assert_eq!(known, output, "an answer without limits says nothing of them");
    }
}
