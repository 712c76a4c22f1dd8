//! When a request to Claude is sent again, and after how long. One layer: nothing below it repeats.
//!
//! The Messages API knows no idempotency key, so a repeat can be paid for twice. A request is repeated when it cannot
//! have been carried out (there was no connection), when Claude answered with an error, and when its reply was lost on
//! the way. The last may have been paid for, and is repeated all the same: the turn can only go on with a reply, so that
//! its next attempt would ask the same again. Nothing was done with a reply that did not arrive whole. What is lost so is
//! told (`maybe_paid`), and counts double in what may be repeated at all. Where money is limited it is not repeated here: the
//! next attempt has to ask the budget again.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::ModelError;
use super::failure::Failure;
use super::gate::Gate;
use super::refusal::Refusal;
use crate::jitter::jitter;
use domain::event::Event;

/// How long it is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// The most attempts, the first included.
    pub(super) max_attempts: u32,
    /// No wait begins that would end later than this after the first attempt began.
    pub(super) budget: Duration,
    /// The longest wait after the first attempt when the API names none; it doubles with each.
    pub(super) first_wait: Duration,
}

/// The longest wait of our own choice.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What the attempts of one message have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub(super) policy: Policy,
    pub(super) stop: &'a CancellationToken,
    pub(super) gate: &'a Gate,
    pub(super) family: &'a str,
    /// A request is also sent again when its reply was lost, which may have been paid for.
    pub(super) repeats_lost: bool,
}

impl Message<'_> {
    /// Attempts until one succeeds, or another would be pointless, or is not wanted any more after the stop. The first one
    /// is admitted, each other is first, with so much patience for known waits. Gives the number of attempts too.
    pub(super) async fn attempt<P, T, Admit, Attempt>(
        &self,
        first: P,
        mut admit: impl FnMut(Duration) -> Admit,
        mut attempt: impl FnMut(P) -> Attempt,
    ) -> Result<(T, u32), ModelError>
    where
        Admit: Future<Output = Result<P, Failure>>,
        Attempt: Future<Output = Result<T, Failure>>,
    {
        let (began, mut attempts, mut pass) = (Instant::now(), 0, first);
        self.gate.note_message();
        loop {
            attempts += 1;
            let failure = match attempt(pass).await {
                Ok(value) => return Ok((value, attempts)),
                Err(failure) => failure,
            };
            let Some(wait) = self.policy.wait_after(&failure, attempts, began.elapsed(), jitter()) else {
                return Err(ModelError { failure, attempts, is_stopped: false });
            };
            if self.stop.is_cancelled() {
                return Err(ModelError { failure, attempts, is_stopped: true });
            }
            let maybe_paid = failure.is_maybe_paid();
            if maybe_paid && !self.repeats_lost {
                return Err(ModelError { failure, attempts, is_stopped: false });
            }
            if !self.gate.may_repeat(maybe_paid) {
                tracing::warn!(%failure, "a call to Claude is not repeated: more than a tenth of all calls had to be");
                return Err(ModelError { failure, attempts, is_stopped: false });
            }
            self.tell(&failure, attempts, wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => return Err(ModelError { failure, attempts, is_stopped: true }),
            }
            let admitted = tokio::select! {
                biased;
                admitted = admit(self.policy.budget.saturating_sub(began.elapsed())) => admitted,
                () = self.stop.cancelled() => Err(Failure::Stopping),
            };
            pass = admitted.map_err(|failure| {
                let is_stopped = failure == Failure::Stopping;
                ModelError { failure, attempts, is_stopped }
            })?;
        }
    }

    fn tell(&self, failure: &Failure, attempts: u32, wait: Duration) {
        self.gate.tell(Event::ModelRepeated {
            family: self.family.to_owned(),
            cause: failure.code(),
            attempts,
            wait,
            why: failure.to_string(),
            maybe_paid: failure.is_maybe_paid(),
        });
    }
}

impl Policy {
    /// How long to wait before the next attempt; `None` when there must be none.
    fn wait_after(
        &self,
        failure: &Failure,
        attempts: u32,
        elapsed: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        let asked_for = match failure {
            Failure::Refused(refusal) | Failure::BrokeOff(refusal) if may_repeat(refusal) => {
                refusal.retry_after
            }
            Failure::Incomplete { .. }
            | Failure::Silent { .. }
            | Failure::NoContent { .. }
            | Failure::Unreachable { .. } => None,
            Failure::Refused(_)
            | Failure::BrokeOff(_)
            | Failure::Unreadable { .. }
            | Failure::Away { .. }
            | Failure::Stopping
            | Failure::Unrecorded { .. }
            | Failure::Options { .. } => return None,
        };
        let wait = asked_for.unwrap_or_else(|| {
            let doubled = self.first_wait.saturating_mul(1 << (attempts - 1).min(16));
            doubled.min(LONGEST_WAIT).mul_f64(1.0 - jitter)
        });
        let allowed = attempts < self.max_attempts && elapsed.saturating_add(wait) <= self.budget;
        allowed.then_some(wait)
    }
}

fn may_repeat(refusal: &Refusal) -> bool {
    if refusal.is_spend_limit() {
        return false;
    }
    if let Some(told) = refusal.should_retry {
        return told;
    }
    match refusal.status {
        Some(status) => matches!(status, 408 | 409 | 429 | 500..),
        None => matches!(
            refusal.kind.as_str(),
            "overloaded_error" | "api_error" | "rate_limit_error" | "timeout_error"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const POLICY: Policy =
        Policy { max_attempts: 5, budget: Duration::from_secs(120), first_wait: Duration::from_millis(500) };

    fn refused(status: impl Into<Option<u16>>, kind: &str) -> Refusal {
        Refusal { status: status.into(), kind: kind.to_owned(), ..Refusal::default() }
    }

    fn told(should_retry: bool, refusal: Refusal) -> Refusal {
        Refusal { should_retry: Some(should_retry), ..refusal }
    }

    fn coded(error_code: &str, refusal: Refusal) -> Refusal {
        Refusal { error_code: Some(error_code.to_owned()), ..refusal }
    }

    #[test]
    fn only_what_can_pass_is_repeated() {
        let rows = [
            (refused(400, "invalid_request_error"), false),
            (refused(401, "authentication_error"), false),
            (refused(402, "billing_error"), false),
            (refused(403, "permission_error"), false),
            (refused(404, "not_found_error"), false),
            (refused(408, ""), true),
            (refused(409, ""), true),
            (refused(413, "request_too_large"), false),
            (refused(429, "rate_limit_error"), true),
            (refused(500, "api_error"), true),
            (refused(503, ""), true),
            (refused(504, "timeout_error"), true),
            (refused(529, "overloaded_error"), true),
            (refused(None, "overloaded_error"), true),
            (refused(None, "rate_limit_error"), true),
            (refused(None, "invalid_request_error"), false),
            (coded("ramp_limit_exceeded", refused(429, "rate_limit_error")), true),
            (coded("enforced_spend_limit_reached", refused(429, "rate_limit_error")), false),
            (coded("contract_spend_limit_reached", refused(429, "rate_limit_error")), false),
            (told(true, coded("enforced_spend_limit_reached", refused(429, "rate_limit_error"))), false),
            (told(true, refused(400, "invalid_request_error")), true),
            (told(false, refused(529, "overloaded_error")), false),
        ];
        for (refusal, expected) in rows {
            assert_eq!(may_repeat(&refusal), expected, "{refusal:?}");
        }
    }

    #[test]
    fn the_wait_doubles_up_to_eight_seconds_and_all_of_it_is_left_to_chance() {
        let policy = Policy { max_attempts: u32::MAX, ..POLICY };
        let failure = Failure::Incomplete { what: String::new(), request_id: None };
        let wait = |attempts, jitter| policy.wait_after(&failure, attempts, Duration::ZERO, jitter);
        for (attempts, milliseconds) in [(1, 500), (2, 1000), (3, 2000), (4, 4000), (5, 8000), (40, 8000)] {
            assert_eq!(wait(attempts, 0.0), Some(Duration::from_millis(milliseconds)), "{attempts}");
        }
        assert_eq!(wait(1, 0.25), Some(Duration::from_millis(375)));
        assert_eq!(wait(1, 1.0), Some(Duration::ZERO));
        assert!((0..100).all(|_| (0.0..1.0).contains(&jitter())));
    }

    #[test]
    fn the_wait_that_the_api_asks_for_is_kept_unless_attempts_or_budget_are_used_up() {
        let asking = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            Failure::Refused(Refusal { retry_after, ..refused(429, "rate_limit_error") })
        };
        let rows = [
            (asking(90), 1, 0, Some(90)),
            (asking(90), 1, 30, Some(90)),
            (asking(90), 1, 31, None),
            (asking(121), 1, 0, None),
            (asking(1), 4, 0, Some(1)),
            (asking(1), 5, 0, None),
            (Failure::Refused(refused(400, "invalid_request_error")), 1, 0, None),
            (Failure::Options { what: String::new() }, 1, 0, None),
        ];
        for (failure, attempts, elapsed, expected) in rows {
            let wait = POLICY.wait_after(&failure, attempts, Duration::from_secs(elapsed), 0.5);
            let row = format!("{failure:?} {attempts} {elapsed}");
            assert_eq!(wait, expected.map(Duration::from_secs), "{row}");
        }
    }

    async fn attempts<Attempt: Future<Output = Result<(), Failure>>>(
        policy: Policy,
        stop: &CancellationToken,
        mut attempt: impl FnMut() -> Attempt,
    ) -> Result<u32, ModelError> {
        let gate = Gate::alone();
        let message = Message { policy, stop, gate: &gate, family: "haiku", repeats_lost: true };
        let done = message.attempt((), |_| async { Ok(()) }, |()| attempt()).await;
        done.map(|((), attempts)| attempts)
    }

    #[tokio::test]
    async fn attempts_go_on_until_one_succeeds_or_none_is_left() {
        let policy = Policy { first_wait: Duration::from_millis(1), ..POLICY };
        for (failures, expected) in [(0, Ok(1)), (2, Ok(3)), (4, Ok(5)), (5, Err(5)), (9, Err(5))] {
            let made = Cell::new(0);
            let stop = CancellationToken::new();
            let outcome = attempts(policy, &stop, || {
                made.set(made.get() + 1);
                let fails = made.get() <= failures;
                async move { if fails { Err(Failure::Refused(refused(529, "overloaded_error"))) } else { Ok(()) } }
            });
            let outcome = outcome.await.map_err(|error| error.attempts);
            assert_eq!(outcome, expected, "{failures} failures");
            assert_eq!(outcome.unwrap_or_else(|attempts| attempts), made.get());
        }
    }

    #[tokio::test]
    async fn after_a_stop_nothing_is_sent_again_and_no_wait_is_awaited() {
        let policy = Policy { first_wait: Duration::from_secs(60), ..POLICY };
        for (status, is_stopped) in [(529, true), (401, false)] {
            // Before the first attempt fails, and while the second is waited for.
            for stops_during_wait in [false, true] {
                let stop = CancellationToken::new();
                let made = Cell::new(0);
                let work = attempts(policy, &stop, || {
                    made.set(made.get() + 1);
                    if !stops_during_wait {
                        stop.cancel();
                    }
                    async move { Err(Failure::Refused(refused(status, "overloaded_error"))) }
                });
                let stopping = async {
                    tokio::task::yield_now().await;
                    stop.cancel();
                };
                let (outcome, ()) = tokio::join!(work, stopping);
                let error = outcome.expect_err("it fails");
                assert_eq!((error.attempts, error.is_stopped, made.get()), (1, is_stopped, 1), "{status}");
            }
        }
    }

    #[tokio::test]
    async fn a_stop_is_heard_at_the_gate_before_anything_is_sent_again() {
        let (gate, stop) = (Gate::alone(), CancellationToken::new());
        let policy = Policy { first_wait: Duration::ZERO, ..POLICY };
        let message = Message { policy, stop: &stop, gate: &gate, family: "haiku", repeats_lost: true };
        let never = |_| {
            stop.cancel();
            std::future::pending::<Result<(), Failure>>()
        };
        let overloaded = |()| async { Err::<(), _>(Failure::Refused(refused(529, "overloaded_error"))) };
        let error = message.attempt((), never, overloaded).await.expect_err("it is not sent again");
        assert_eq!((error.failure, error.attempts, error.is_stopped), (Failure::Stopping, 1, true));
    }
}
