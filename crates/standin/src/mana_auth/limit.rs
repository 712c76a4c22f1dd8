//! better-auth's limit on sign-ins in production (contract 3.3): so many at once from one address, and then none until a
//! window has gone by since the last that was taken. Whoever asks us comes from one address.

use chrono::{DateTime, TimeDelta, Utc};

/// So many sign-ins at once, of either form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInLimit {
    /// At least 1.
    pub at_once: u32,
    /// From the last of them until there may be as many again.
    pub window: TimeDelta,
}

impl SignInLimit {
    /// That of the real one.
    pub const REAL: Self = Self { at_once: 3, window: TimeDelta::seconds(10) };
}

/// What was taken so far.
#[derive(Debug, Default)]
pub(super) struct SignInsTaken {
    count: u32,
    last: Option<DateTime<Utc>>,
}

impl SignInsTaken {
    /// Takes one, or gives the seconds after which there is one.
    pub(super) fn take(&mut self, limit: SignInLimit, now: DateTime<Utc>) -> Result<(), i64> {
        let since = self.last.map(|last| now - last);
        match since {
            Some(since) if since < limit.window && self.count >= limit.at_once => {
                let left = (limit.window - since).num_milliseconds();
                return Err((left + 999) / 1000);
            }
            Some(since) if since <= limit.window => self.count += 1,
            _ => self.count = 1,
        }
        self.last = Some(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_are_taken_and_more_when_ten_seconds_have_gone_by_since_the_last() {
        for (name, at, expected) in [
            ("three", vec![0, 0, 0], vec![0, 0, 0]),
            ("a fourth", vec![0, 1_000, 2_000, 2_001], vec![0, 0, 0, 10]),
            ("one that is refused prolongs nothing", vec![0, 0, 0, 9_000, 10_001], vec![0, 0, 0, 1, 0]),
            ("the count goes on within the window", vec![0, 9_000, 18_000, 27_000], vec![0, 0, 0, 1]),
            (
                "afterwards it begins anew",
                vec![0, 0, 0, 10_001, 10_001, 10_001, 10_001],
                vec![0, 0, 0, 0, 0, 0, 10],
            ),
        ] {
            let mut taken = SignInsTaken::default();
            let take = |ms: i64| {
                let now = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms);
                taken.take(SignInLimit::REAL, now).err().unwrap_or_default()
            };
            assert_eq!(at.into_iter().map(take).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
