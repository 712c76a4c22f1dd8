//! Who may have a child now: whoever is quick, soon; whoever is slow, one after the other.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Quick ones at once, and slow ones. Each has a child with its own limits, so memory is bounded by the sum of both.
const QUICK: usize = 3;
const SLOW: usize = 1;
/// Whoever is not done after this time is slow. A plugin in Rust takes a tenth of it.
const SOON: Duration = Duration::from_secs(2);

/// The places of one engine, each kind given away in the order in which it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Places {
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    soon: Duration,
}

impl Places {
    pub(super) fn new() -> Self {
        let [quick, slow] = [QUICK, SLOW].map(|places| Arc::new(Semaphore::new(places)));
        Self { quick, slow, soon: SOON }
    }

    /// Does this when there is a place for it. What is not done soon goes on among the slow ones. If there is no place
    /// for it, it is dropped, and begun once more when there is one: to let it wait as it is, it would have to keep its
    /// memory.
    pub(super) async fn give<T, W: Future<Output = T>>(&self, work: impl Fn() -> W) -> T {
        if let Some(done) = self.give_quick(&work).await {
            return done;
        }
        // Nobody closes it.
        let _slow = self.slow.acquire().await;
        work().await
    }

    async fn give_quick<T, W: Future<Output = T>>(&self, work: impl Fn() -> W) -> Option<T> {
        let quick = self.quick.acquire().await;
        let mut work = pin!(work());
        if let Ok(done) = timeout(self.soon, &mut work).await {
            return Some(done);
        }
        let _slow = self.slow.try_acquire().ok()?;
        drop(quick);
        Some(work.await)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join_all, select_all};
    use tokio::sync::watch;

    use super::*;

    /// How many have a place now, and the most that had one.
    #[derive(Default)]
    struct Count(AtomicUsize, AtomicUsize);

    /// One of them, until it is dropped.
    struct One<'a>(&'a Count);

    impl Count {
        fn one(&self) -> One<'_> {
            let now = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            self.1.fetch_max(now, Ordering::Relaxed);
            One(self)
        }
    }

    impl Drop for One<'_> {
        fn drop(&mut self) {
            self.0.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn places() -> Places {
        Places { soon: Duration::from_millis(20), ..Places::new() }
    }

    #[tokio::test]
    async fn whoever_never_ends_keeps_nobody_waiting_who_is_quick() {
        let (places, count) = (places(), Count::default());
        let endless = (0..20).map(|_| {
            Box::pin(places.give(|| async {
                let _one = count.one();
                pending::<()>().await;
            }))
        });
        let quick = async {
            for number in 0..5 {
                assert_eq!(places.give(async || number).await, number);
            }
        };
        tokio::select! {
            // Those were there first.
            biased;
            _ = select_all(endless) => unreachable!("none of them ends"),
            () = quick => {}
        }
        assert!(count.1.into_inner() <= QUICK + SLOW);
    }

    #[tokio::test]
    async fn whoever_is_slow_has_an_answer_in_its_turn() {
        let (places, count, begun) = (places(), Count::default(), AtomicUsize::new(0));
        let (last, seen) = watch::channel(0);
        let slow = (0..6).map(|number| {
            let (places, count, begun, last) = (&places, &count, &begun, &last);
            let seen = seen.clone();
            places.give(move || {
                let mut seen = seen.clone();
                async move {
                    let _one = count.one();
                    begun.fetch_add(1, Ordering::Relaxed);
                    // The one before has to be done: whoever overtakes waits for ever.
                    seen.wait_for(|done| *done == number).await.expect("it is there");
                    tokio::time::sleep(places.soon * 2).await;
                    last.send_replace(number + 1);
                    number
                }
            })
        });
        assert_eq!(join_all(slow).await, [0, 1, 2, 3, 4, 5]);
        assert!(count.1.into_inner() <= QUICK + SLOW);
        assert!(begun.into_inner() <= 12, "none is begun more than twice");
    }
}
