//! Deliveries of which the ledger could not keep what came of them. They would be sent again at each pass, before all
//! others; this is remembered beside the ledger, and knows nothing of it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

/// The longest wait, in seconds.
const LONGEST: i64 = 600;

/// Which deliveries are left alone, by number, and until when.
#[derive(Debug, Default)]
pub(super) struct LeftAlone(BTreeMap<i64, Times>);

/// When one may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    Now,
    Later,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    /// How often it has come to this.
    times: u32,
    until: DateTime<Utc>,
}

impl LeftAlone {
    /// When this one may be sent again; nothing when it is none of them.
    pub(super) fn of(&self, seq: i64, now: DateTime<Utc>) -> Option<Again> {
        let until = self.0.get(&seq)?.until;
        // A clock that was set back prolongs nothing.
        let waits = now < until && until - now <= TimeDelta::seconds(LONGEST);
        Some(if waits { Again::Later } else { Again::Now })
    }

    /// It happened once more.
    pub(super) fn add(&mut self, seq: i64, now: DateTime<Utc>) {
        let times = self.0.get(&seq).map_or(0, |own| own.times);
        let until = now + wait_after(times);
        self.0.insert(seq, Times { times: times.saturating_add(1), until });
    }

    /// What came of it is kept.
    pub(super) fn remove(&mut self, seq: i64) {
        self.0.remove(&seq);
    }
}

/// Five seconds, doubled with each try, ten minutes at most.
pub(super) fn wait_after(tries: u32) -> TimeDelta {
    TimeDelta::seconds((5 << tries.min(7)).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_ten_minutes() {
        let seconds: Vec<i64> = [0, 1, 6, 7, 1000].map(|tries| wait_after(tries).num_seconds()).to_vec();
        assert_eq!(seconds, [5, 10, 320, 600, 600]);
    }

    #[test]
    fn one_is_left_alone_for_longer_each_time_and_no_longer_once_it_is_kept() {
        let noon = DateTime::UNIX_EPOCH;
        let after = |seconds| noon + TimeDelta::seconds(seconds);
        let mut left = LeftAlone::default();
        left.add(7, noon);
        let (again, later) = (Some(Again::Now), Some(Again::Later));
        assert_eq!([0, 4, 5].map(|now| left.of(7, after(now))), [later, later, again]);
        assert_eq!(left.of(8, noon), None, "another one");
        left.add(7, after(5));
        assert_eq!([14, 15].map(|now| left.of(7, after(now))), [later, again]);
        assert_eq!(left.of(7, after(-86_400)), again, "a clock that was set back by a day");
        left.remove(7);
        assert_eq!(left.of(7, after(6)), None);
    }
}
