//! Whether something goes on: its longest silence, measured by a plain thread, which a busy machine holds up just as
//! well.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// A plain thread that wakes up so often hears nothing of what stands still. What goes on is heard long before.
pub(crate) const STANDS_STILL: u64 = 1000;
const STEP: Duration = Duration::from_millis(1);

/// What is heard again and again, as long as it goes on.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// How often the thread woke up: all, those when it was heard last, and the most between two beats.
    steps: AtomicU64,
    heard: AtomicU64,
    longest: AtomicU64,
}

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        let pulse = Arc::new(Self::default());
        let weak = Arc::downgrade(&pulse);
        thread::spawn(move || Self::count(&weak));
        pulse
    }

    fn count(weak: &Weak<Self>) {
        while let Some(pulse) = weak.upgrade() {
            pulse.steps.fetch_add(1, Ordering::Relaxed);
            drop(pulse);
            thread::sleep(STEP);
        }
    }

    /// That of the runtime that this is called in.
    pub(crate) fn of_runtime() -> Arc<Self> {
        let pulse = Self::new();
        let weak = Arc::downgrade(&pulse);
        tokio::spawn(async move {
            while let Some(pulse) = weak.upgrade() {
                pulse.beat();
                drop(pulse);
                tokio::time::sleep(STEP).await;
            }
        });
        pulse
    }

    pub(crate) fn beat(&self) {
        let steps = self.steps.load(Ordering::Relaxed);
        let before = self.heard.swap(steps, Ordering::Relaxed);
        self.longest.fetch_max(steps.saturating_sub(before), Ordering::Relaxed);
    }

    /// The longest silence, also if it lasts.
    pub(crate) fn longest(&self) -> u64 {
        let lasts = self.steps.load(Ordering::Relaxed).saturating_sub(self.heard.load(Ordering::Relaxed));
        self.longest.load(Ordering::Relaxed).max(lasts)
    }
}

#[tokio::test]
async fn a_runtime_that_stands_still_is_found_out() {
    let pulse = Pulse::of_runtime();
    while pulse.heard.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(pulse.longest() < STANDS_STILL);
    let until = pulse.steps.load(Ordering::Relaxed) + STANDS_STILL;
    while pulse.steps.load(Ordering::Relaxed) < until {
        thread::yield_now();
    }
    tokio::task::yield_now().await;
    assert!(pulse.longest() >= STANDS_STILL, "{pulse:?}");
}
