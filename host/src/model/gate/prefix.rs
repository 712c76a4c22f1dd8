//! Which prompt prefixes Claude has in its cache. An entry can be read only once the first reply of it begins, so that
//! of many who ask for the same at once all would pay for writing it: one goes ahead, and the others wait for its first
//! word, or for its failure, but not for long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// How long Claude keeps an entry after its last use; a little less than it says.
const KEPT: Duration = Duration::from_secs(280);
/// How long a prefix is left alone that Claude does not keep, being too short for it.
const UNKEPT: Duration = Duration::from_secs(60 * 60);
/// How long others wait for whoever goes ahead.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many are remembered before the old ones are looked through.
const MANY: usize = 64;

/// Those that were asked for. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes(Arc<Mutex<HashMap<u64, Prefix>>>);

#[derive(Debug)]
enum Prefix {
    /// Somebody goes ahead; the other end is closed when that is over.
    Warming(watch::Receiver<()>),
    Warm {
        until: Instant,
    },
}

/// The one who goes ahead. Dropped before the first word, it has failed.
#[derive(Debug)]
pub(super) struct Ahead {
    prefixes: Prefixes,
    prefix: u64,
    since: Instant,
    has_begun: bool,
    _others_wait: watch::Sender<()>,
}

impl Prefixes {
    /// Whether this one goes ahead. If another does, that is waited for.
    pub(super) async fn enter(&self, prefix: u64) -> Option<Ahead> {
        let mut ahead = {
            let (mut known, now) = (self.lock(), Instant::now());
            if known.len() > MANY {
                known.retain(|_, one| !matches!(one, Prefix::Warm { until } if *until <= now));
            }
            match known.get_mut(&prefix) {
                Some(Prefix::Warm { until }) if *until > now => {
                    *until = (*until).max(now + KEPT);
                    return None;
                }
                Some(Prefix::Warming(ahead)) => ahead.clone(),
                Some(Prefix::Warm { .. }) | None => {
                    let (sender, receiver) = watch::channel(());
                    known.insert(prefix, Prefix::Warming(receiver));
                    let (prefixes, has_begun) = (self.clone(), false);
                    return Some(Ahead { prefixes, prefix, since: now, has_begun, _others_wait: sender });
                }
            }
        };
        // Nothing is ever sent: it only ends.
        drop(timeout(PATIENCE, ahead.changed()).await);
        None
    }

    /// Claude neither wrote nor read an entry for it.
    pub(super) fn is_not_kept(&self, prefix: u64) {
        self.lock().insert(prefix, Prefix::Warm { until: Instant::now() + UNKEPT });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Prefix>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ahead {
    /// The first word has come.
    pub(super) fn begins(mut self) {
        self.has_begun = true;
        self.prefixes.lock().insert(self.prefix, Prefix::Warm { until: self.since + KEPT });
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if !self.has_begun {
            self.prefixes.lock().remove(&self.prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(waits: Pin<&mut F>) -> Option<F::Output> {
        match waits.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn one_goes_ahead_and_the_others_wait_for_its_first_word_or_its_failure() {
        for fails in [false, true] {
            let prefixes = Prefixes::default();
            let ahead = prefixes.enter(1).await.expect("nobody was here before");
            let mut second = pin!(prefixes.enter(1));
            let mut third = pin!(prefixes.enter(1));
            assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
            drop(prefixes.enter(2).await.expect("another prefix waits for nobody"));
            if fails {
                drop(ahead)
            } else {
                ahead.begins()
            }
            assert!(poll(second.as_mut()).expect("it goes").is_none(), "{fails}");
            assert!(poll(third.as_mut()).expect("it goes, too").is_none(), "{fails}");
            assert_eq!(prefixes.enter(1).await.is_some(), fails, "the next one tries it after a failure");
        }
    }

    #[tokio::test]
    async fn for_one_that_is_not_kept_nobody_waits() {
        let prefixes = Prefixes::default();
        prefixes.enter(1).await.expect("nobody was here before").begins();
        prefixes.is_not_kept(1);
        assert!(prefixes.enter(1).await.is_none());
    }
}
