//! Asks what may never answer, such as a disk of another machine, on a thread of its own.
//!
//! Neither a runtime's worker nor its blocking pool may be lent to such a question: a worker would be gone for
//! everybody, and the end of the runtime waits for what its pool has begun. A thread that hangs here hangs alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout};

/// One place to ask: one question at a time, so that one that hangs costs one thread and no more.
#[derive(Clone, Debug)]
pub struct Aside {
    patience: Duration,
    place: Arc<Semaphore>,
    since: Arc<Mutex<Option<Instant>>>,
}

/// There was no answer in time. The question is still asked, and no other one is until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not answer (it had {} s)", .0.as_secs())]
pub struct Silent(Duration);

/// A question that is asked now, until its thread is done with it, however that ends.
struct Asked {
    since: Arc<Mutex<Option<Instant>>>,
    _place: OwnedSemaphorePermit,
}

impl Aside {
    /// A place where an answer is waited for that long.
    #[must_use]
    pub fn new(patience: Duration) -> Self {
        Self { patience, place: Arc::new(Semaphore::new(1)), since: Arc::default() }
    }

    /// Asks, and waits for the answer. Who finds a question there that has had its time does not wait: that was done.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Silent> {
        let silent = Silent(self.patience);
        if self.asked_since().is_some_and(|since| since.elapsed() >= self.patience) {
            return Err(silent);
        }
        let answer = async {
            let place = Arc::clone(&self.place).acquire_owned().await.ok()?;
            *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            let asked = Asked { since: Arc::clone(&self.since), _place: place };
            let (tell, told) = oneshot::channel();
            let ask = move || {
                let answer = question();
                drop(asked);
                // Who asked may have gone.
                let _ = tell.send(answer);
            };
            thread::Builder::new().name("aside".to_owned()).spawn(ask).ok()?;
            told.await.ok()
        };
        timeout(self.patience, answer).await.ok().flatten().ok_or(silent)
    }

    fn asked_since(&self) -> Option<Instant> {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_question_that_hangs_costs_one_thread_until_it_is_answered() {
        let aside = Aside::new(Duration::from_millis(20));
        let (release, hangs) = mpsc::channel::<()>();
        aside.ask(move || hangs.recv()).await.expect_err("nobody sends");
        for _ in 0..100 {
            aside.ask(|| unreachable!("no other one is begun")).await.expect_err("the first one still hangs");
        }
        drop(release);
        while aside.asked_since().is_some() {
            thread::yield_now();
        }
        let patient = Aside { patience: Duration::from_secs(30), ..aside };
        assert_eq!(patient.ask(|| 2).await, Ok(2), "it answers again");
    }

    #[tokio::test]
    async fn a_question_that_panics_has_no_answer_and_the_next_one_has() {
        let aside = Aside::new(Duration::from_secs(10));
        aside.ask(|| panic!("so be it")).await.expect_err("there is none");
        assert_eq!(aside.ask(|| 1).await, Ok(1));
    }
}
