//! A server that takes no more for now: what it refuses so it has not carried out, and is asked again after a while. It
//! knows no messages.

use std::io;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::incoming::{Failed, Refusal};
use crate::jitter::jitter;

/// The wait when the server names none.
const USUAL: Duration = Duration::from_secs(1);
/// After this something is tried, whatever wait was asked for.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// So often a message is sent again.
const REPEATS: u32 = 2;

/// That the server took no message, because there are too many.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}: {said}")]
pub(super) struct Busy {
    pub(super) status: StatusCode,
    pub(super) said: String,
    wait: Duration,
}

impl Busy {
    /// Whether a refusal says so: 429 always, and 503 if it names a time at which it is over.
    pub(super) fn of(refusal: &Refusal) -> Option<Self> {
        let wait = match refusal.status {
            StatusCode::TOO_MANY_REQUESTS => refusal.wait.unwrap_or(USUAL),
            StatusCode::SERVICE_UNAVAILABLE => refusal.wait?,
            _ => return None,
        };
        Some(Self { status: refusal.status, said: refusal.said.clone(), wait })
    }
}

/// What is left of the patience with one message.
#[derive(Debug)]
pub(super) struct Waiting {
    until: Instant,
    repeats: u32,
}

impl Waiting {
    pub(super) fn at_most(patience: Duration) -> Self {
        Self { until: Instant::now() + patience, repeats: 0 }
    }

    /// Waits as long as the server asks, and a little longer by chance.
    ///
    /// # Errors
    /// With the refusal, at once, when that would be too long or was tried often enough.
    pub(super) async fn for_another_time(&mut self, busy: Busy) -> Result<(), Failed> {
        match self.next(busy.wait, Instant::now(), jitter()) {
            Some(then) => {
                tokio::time::sleep_until(then).await;
                Ok(())
            }
            None => Err(Failed::Io(io::Error::other(busy))),
        }
    }

    /// When to send again, if at all. `chance` is from 0 to below 1.
    fn next(&mut self, wait: Duration, now: Instant, chance: f64) -> Option<Instant> {
        // Those who were refused together do not come back together.
        let then = now + wait.min(LONGEST).mul_f64(1.0 + chance / 4.0);
        self.repeats += 1;
        (then <= self.until && self.repeats <= REPEATS).then_some(then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_surely_not_carried_out_is_asked_again() {
        for (status, wait, after) in [
            (429, None, Some(1)),
            (429, Some(7), Some(7)),
            (503, Some(7), Some(7)),
            (503, None, None),
            (500, Some(7), None),
            (408, Some(7), None),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let refusal = Refusal { status, said: String::new(), wait: wait.map(Duration::from_secs) };
            let busy = Busy::of(&refusal).map(|busy| busy.wait.as_secs());
            assert_eq!(busy, after, "{status} {wait:?}");
        }
    }

    #[test]
    fn a_wait_is_begun_only_if_it_ends_in_time_and_not_too_often() {
        for (waits, so_often) in [(vec![1, 1, 1], 2), (vec![20, 20], 1), (vec![60], 0), (vec![u64::MAX], 0)] {
            let mut now = Instant::now();
            let mut waiting = Waiting { until: now + Duration::from_secs(30), repeats: 0 };
            let mut waited = 0;
            for seconds in &waits {
                if let Some(then) = waiting.next(Duration::from_secs(*seconds), now, 0.5) {
                    (now, waited) = (then, waited + 1);
                }
            }
            assert_eq!(waited, so_often, "{waits:?}");
        }
    }
}
