//! The lane of one plugin: one look or load at a time, how its file looked the last time, and a refusal that is not told
//! yet, because somebody may still be writing the file.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::behavior::{Look, Refusal};

/// How long a file that is refused has to stay as it is until that is told.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same for one that is written in bits and pieces, each of them refused.
const MOST_PATIENCE: Duration = Duration::from_secs(32);

/// Whose turn it is with a plugin.
#[derive(Debug, Default)]
pub(super) struct Lane {
    seen: Mutex<Sight>,
    /// Somebody waits for its turn and will look at the folder then.
    is_queued: AtomicBool,
}

/// What was seen of a plugin's file.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// How it looked when it was last read, or that there was none. None: it could not be looked at.
    pub(super) seen: Option<Look>,
    put_off: Option<PutOff>,
    patience: Option<Duration>,
}

#[derive(Debug)]
struct PutOff {
    refusal: Refusal,
    until: Instant,
}

impl Lane {
    /// Waits for its turn.
    pub(super) async fn take(&self) -> MutexGuard<'_, Sight> {
        self.seen.lock().await
    }

    /// The same, unless somebody else waits already who will see what there is to see.
    pub(super) async fn queue(&self) -> Option<MutexGuard<'_, Sight>> {
        let queued = Queued::at(&self.is_queued)?;
        let turn = self.seen.lock().await;
        drop(queued);
        Some(turn)
    }
}

/// Somebody who waits, until its turn comes or it is gone.
struct Queued<'a>(&'a AtomicBool);

impl<'a> Queued<'a> {
    fn at(is_queued: &'a AtomicBool) -> Option<Self> {
        (!is_queued.swap(true, Ordering::AcqRel)).then_some(Self(is_queued))
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Sight {
    pub(super) fn is_gone(&self) -> bool {
        self.seen.as_ref().is_some_and(Look::is_gone)
    }

    /// The file looks like this now. Gives whether it may be half of what somebody writes.
    pub(super) fn changed_to(&mut self, look: Look) -> bool {
        let may_be_half = self.seen.as_ref().is_some_and(|before| look.may_be_half(before));
        if !may_be_half {
            self.patience = None;
        }
        self.put_off = None;
        self.seen = Some(look);
        may_be_half
    }

    /// A file was refused that may be a half. Gives how long it has to stay as it is: longer each time.
    pub(super) fn put_off(&mut self, refusal: Refusal) -> Duration {
        let patience = self.patience.unwrap_or(PATIENCE);
        self.put_off = Some(PutOff { refusal, until: Instant::now() + patience });
        patience
    }

    /// What there is to tell of a file that looks as before: nothing, a refusal, or how long it is still put off.
    pub(super) fn settled(&mut self) -> Option<Result<Duration, Box<Refusal>>> {
        let left = self.put_off.as_ref()?.until.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return Some(Ok(left));
        }
        let PutOff { refusal, .. } = self.put_off.take()?;
        let patience = self.patience.unwrap_or(PATIENCE);
        self.patience = Some((patience * 2).min(MOST_PATIENCE));
        Some(Err(Box::new(refusal)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_waits_for_its_turn_and_one_who_is_gone_does_not() {
        let lane = Lane::default();
        let turn = lane.take().await;
        for _ in 0..2 {
            let mut queue = Box::pin(lane.queue());
            assert!((&mut queue).now_or_never().is_none(), "it waits");
            assert!(lane.queue().await.is_none(), "one is enough");
        }
        drop(turn);
        assert!(lane.queue().await.is_some(), "nobody else is there");
    }
}
