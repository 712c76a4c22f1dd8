//! How fast personas may sign in: one pace for the whole program, because mana-auth counts by address and not by persona.
//! It is configured, or learned when mana-auth first says that it was too fast. Who signs in is not known here.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// So many sign-ins at once, and then none for so long: better-auth counts from the last that it took (contract 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInLimit {
    /// At least 1.
    pub at_once: u32,
    /// From the last of them until there may be as many again.
    pub window: Duration,
}

/// mana-auth measures between arrivals, and we do not know these to the millisecond.
const MARGIN: Duration = Duration::from_millis(50);

/// Clones share one pace.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    /// Who waits here is served in the order of arrival.
    line: Arc<tokio::sync::Mutex<()>>,
    waiting: Arc<AtomicU32>,
    taken: Arc<Mutex<Taken>>,
}

/// The head of the line, as long as this lives.
#[derive(Debug)]
pub(super) struct Head(#[expect(dead_code, reason = "held")] OwnedMutexGuard<()>);

/// What mana-auth allows, and what was taken of it.
#[derive(Debug)]
struct Taken {
    /// None: mana-auth has not said yet that there is one.
    limit: Option<SignInLimit>,
    granted: u32,
    last: Option<Instant>,
    closed_until: Option<Instant>,
}

impl SignInLimit {
    /// better-auth's own in production.
    pub const USUAL: Self = Self { at_once: 3, window: Duration::from_secs(10) };
}

impl Pace {
    pub(super) fn new(limit: Option<SignInLimit>) -> Self {
        Self { line: Arc::default(), waiting: Arc::default(), taken: Arc::new(Mutex::new(Taken::new(limit))) }
    }

    /// Whether there is a limit, as far as is known.
    pub(super) fn is_limited(&self) -> bool {
        self.taken().limit.is_some()
    }

    /// Waits for the head of the line.
    pub(super) async fn head(&self) -> Head {
        let _waits = Waits::among(&self.waiting);
        Head(Arc::clone(&self.line).lock_owned().await)
    }

    /// When whoever comes now may sign in, as things stand; none: at once.
    pub(super) fn outlook(&self, now: Instant) -> Option<Instant> {
        self.taken().outlook(self.waiting.load(Ordering::Relaxed), now)
    }

    /// Takes a sign-in, or says when there is one.
    pub(super) fn take(&self, now: Instant) -> Result<(), Instant> {
        self.taken().take(now)
    }

    /// mana-auth has answered one: it counts from there.
    pub(super) fn answered(&self, now: Instant) {
        self.taken().last = Some(now);
    }

    /// mana-auth has turned one away for coming too fast, and takes the next after so long.
    pub(super) fn turned_away(&self, wait: Duration, now: Instant) -> Instant {
        self.taken().turned_away(wait, now)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn new(limit: Option<SignInLimit>) -> Self {
        Self { limit, granted: 0, last: None, closed_until: None }
    }

    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(opens) = self.opens(now) {
            return Err(opens);
        }
        if self.is_over(now) {
            self.granted = 0;
        }
        self.granted = self.granted.saturating_add(1);
        self.last = Some(now);
        Ok(())
    }

    fn turned_away(&mut self, wait: Duration, now: Instant) -> Instant {
        let opens = if wait.is_zero() { now } else { now + wait + MARGIN };
        let learned = match self.limit {
            None => SignInLimit { window: wait, ..SignInLimit::USUAL },
            // What is told is what is left of the window.
            Some(known) => SignInLimit { window: known.window.max(wait), ..known },
        };
        let until = self.closed_until.map_or(opens, |until| until.max(opens));
        *self = Self { limit: Some(learned), granted: 0, last: None, closed_until: Some(until) };
        until
    }

    /// When the next may come, if not now.
    fn opens(&self, now: Instant) -> Option<Instant> {
        let is_full = self.limit.is_some_and(|limit| self.granted >= limit.at_once);
        let refilled = if is_full { self.window_ends() } else { None };
        self.closed_until.max(refilled).filter(|opens| *opens > now)
    }

    /// Whether the window is over in which the last ones were taken.
    fn is_over(&self, now: Instant) -> bool {
        self.window_ends().is_none_or(|ends| ends <= now)
    }

    fn window_ends(&self) -> Option<Instant> {
        Some(self.last? + self.limit?.window + MARGIN)
    }

    /// When the one comes who has so many before itself.
    fn outlook(&self, ahead: u32, now: Instant) -> Option<Instant> {
        let limit = self.limit?;
        let opens = self.opens(now);
        let free = match opens {
            None if !self.is_over(now) => limit.at_once.saturating_sub(self.granted),
            _ => limit.at_once,
        };
        let later = ahead.checked_sub(free).map_or(0, |behind| 1 + behind / limit.at_once.max(1));
        (opens.is_some() || later > 0).then(|| opens.unwrap_or(now) + limit.window * later)
    }
}

/// Counts somebody who waits, as long as this lives.
struct Waits<'a>(&'a AtomicU32);

impl<'a> Waits<'a> {
    fn among(waiting: &'a AtomicU32) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// better-auth's own count: what a server makes of sign-ins that come at these moments.
    struct Server {
        limit: SignInLimit,
        count: u32,
        last: Option<Instant>,
    }

    impl Server {
        fn takes(&mut self, now: Instant) -> Result<(), Duration> {
            let since = self.last.map(|last| now - last);
            match since {
                Some(since) if since < self.limit.window && self.count >= self.limit.at_once => {
                    let left = self.limit.window - since;
                    return Err(Duration::from_secs(left.as_millis().div_ceil(1000) as u64));
                }
                Some(since) if since <= self.limit.window => self.count += 1,
                _ => self.count = 1,
            }
            self.last = Some(now);
            Ok(())
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Everybody signs in as soon as the pace allows: how often each was turned away, and when the last came in.
    fn play(
        configured: Option<SignInLimit>,
        real: SignInLimit,
        personas: u32,
        takes: Duration,
    ) -> (u32, u64) {
        let begin = Instant::now();
        let (mut taken, mut now, mut refusals) = (Taken::new(configured), begin, 0);
        let mut server = Server { limit: real, count: 0, last: None };
        for _ in 0..personas {
            loop {
                if let Err(opens) = taken.take(now) {
                    now = opens;
                    continue;
                }
                now += takes;
                match server.takes(now) {
                    Ok(()) => break,
                    Err(wait) => {
                        refusals += 1;
                        taken.turned_away(wait, now);
                    }
                }
            }
            taken.last = Some(now);
        }
        (refusals, (now - begin).as_secs())
    }

    #[test]
    fn a_limit_is_met_by_waiting_and_at_most_once_by_being_turned_away() {
        let usual = SignInLimit::USUAL;
        let narrow = SignInLimit { at_once: 3, window: seconds(1) };
        for (name, configured, real, personas, refusals, took) in [
            ("as configured", Some(usual), usual, 12, 0, 31),
            ("learned", None, usual, 12, 1, 31),
            ("learned, of another window", None, narrow, 12, 1, 4),
            ("few of them", None, usual, 3, 0, 0),
            ("more is allowed than is known", Some(usual), SignInLimit { at_once: 5, ..usual }, 9, 0, 20),
        ] {
            let (refused, seconds) = play(configured, real, personas, Duration::from_millis(100));
            assert_eq!(refused, refusals, "{name}");
            assert!((took..=took + 1).contains(&seconds), "{name}: {seconds} s");
        }
        // Fewer are allowed than is usual: everybody comes in all the same.
        let strict = SignInLimit { at_once: 1, window: seconds(10) };
        let (refused, seconds) = play(None, strict, 4, Duration::from_millis(100));
        assert!(refused <= 4 && (30..=34).contains(&seconds), "{refused}, {seconds} s");
    }

    #[test]
    fn who_lines_up_is_told_when_its_turn_comes() {
        let now = Instant::now();
        let mut taken = Taken::new(Some(SignInLimit::USUAL));
        let outlook = |taken: &Taken, ahead| taken.outlook(ahead, now).map(|at| (at - now).as_secs());
        let of = |taken: &Taken| [0, 2, 3, 5, 6].map(|ahead| outlook(taken, ahead));
        assert_eq!(of(&taken), [None, None, Some(10), Some(10), Some(20)]);
        assert!(taken.take(now).is_ok());
        assert_eq!(of(&taken), [None, Some(10), Some(10), Some(20), Some(20)]);
        assert!(taken.take(now).is_ok() && taken.take(now).is_ok());
        assert_eq!(of(&taken), [Some(10), Some(10), Some(20), Some(20), Some(30)]);
        taken.turned_away(seconds(4), now);
        assert_eq!(of(&taken), [Some(4), Some(4), Some(14), Some(14), Some(24)]);
        assert_eq!(outlook(&Taken::new(None), 100), None, "nobody knows of a limit");
    }
}
