//! Changes of what can be another while the loop runs, and its signs of life.

use std::time::Duration;

use tokio::sync::watch;

use super::parts::Runner;

impl Runner {
    /// From one tick to the next.
    #[must_use]
    pub fn tick_interval(&self) -> Duration {
        self.live.now().tick_interval
    }

    /// Turns at once.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.live.now().concurrency
    }

    /// How long the steps of a turn that is over are kept.
    #[must_use]
    pub fn keep(&self) -> Duration {
        self.live.now().keep
    }

    /// Another time from one tick to the next: the next one is so far from now.
    pub fn set_tick_interval(&self, interval: Duration) {
        self.live.now().tick_interval = interval;
        self.live.timer.notify_one();
    }

    /// Another number of turns at once. Where there are fewer places, turns that run keep theirs to their end.
    pub fn set_concurrency(&self, turns: usize) {
        self.live.now().concurrency = turns;
        self.deps.claude.gate().set_most(turns);
        self.pool.resize(turns);
    }

    /// Another time for which steps are kept.
    pub fn set_keep(&self, keep: Duration) {
        self.live.now().keep = keep;
    }

    /// Heard each time that the loop goes round, which it does every few seconds if it is well.
    #[must_use]
    pub fn beats(&self) -> watch::Receiver<()> {
        self.live.beats.subscribe()
    }
}
