//! One breaker as a value: what it hears, and whether it lets through. The time is passed in.
//!
//! It opens when at least half of at least ten calls of the last 30 seconds failed, or at once when it is told that
//! every call would fail. After 30 seconds, doubled up to 10 minutes each time that does not help, one turn and one
//! call are let through; what comes of them decides.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

/// The calls that are looked at.
const LOOKS_BACK: TimeDelta = TimeDelta::seconds(30);
/// Fewer calls say nothing.
const LEAST_CALLS: u32 = 10;
/// How long it is open at first, and at most.
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(30);
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(10);
/// How long a trial may go on without a word before there is another.
const TRIAL: TimeDelta = TimeDelta::seconds(60);
/// When to ask again while a trial is under way.
const SOON: TimeDelta = TimeDelta::seconds(5);

/// Whether an upstream is asked.
#[derive(Debug, Default)]
pub struct Breaker {
    state: State,
    /// By second, the oldest first.
    seconds: VecDeque<Second>,
    /// How long it is open the next time.
    wait: Option<TimeDelta>,
    why: String,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Closed,
    Open {
        until: DateTime<Utc>,
    },
    HalfOpen {
        turn: Option<DateTime<Utc>>,
        call: Option<DateTime<Utc>>,
    },
}

#[derive(Clone, Copy, Debug)]
struct Second {
    at: DateTime<Utc>,
    good: u32,
    bad: u32,
}

/// What wants to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traveller {
    /// A turn that is to begin.
    Turn,
    /// A call of a turn.
    Call,
}

/// Nothing goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// What happened.
    pub why: String,
    /// When it makes sense to ask again.
    pub until: DateTime<Utc>,
    /// Somebody else tries it just now.
    pub is_tried: bool,
}

/// How a breaker stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All is well.
    Closed,
    /// Nothing goes through.
    Open {
        /// Until then.
        until: DateTime<Utc>,
        /// What happened.
        why: String,
    },
    /// The next one tries.
    HalfOpen {
        /// What had happened.
        why: String,
        /// A turn tries it just now.
        is_tried: bool,
    },
}

impl Standing {
    /// The word in records.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half-open",
        }
    }
}

impl Breaker {
    /// Lets somebody through, or says why not. Of those who come when it has been open for long enough, the first
    /// turn and the first call go through.
    ///
    /// # Errors
    /// With until when, and why.
    pub fn admit(&mut self, who: Traveller, now: DateTime<Utc>) -> Result<(), Away> {
        self.mend(now);
        if let State::Open { until } = self.state
            && until <= now
        {
            self.state = State::HalfOpen { turn: None, call: None };
        }
        match &mut self.state {
            State::Closed => Ok(()),
            State::Open { until } => Err(Away { why: self.why.clone(), until: *until, is_tried: false }),
            State::HalfOpen { turn, call } => {
                let trial = match who {
                    Traveller::Turn => turn,
                    Traveller::Call => call,
                };
                if trial.is_some_and(|since| now - since < TRIAL) {
                    return Err(Away { why: self.why.clone(), until: now + SOON, is_tried: true });
                }
                *trial = Some(now);
                Ok(())
            }
        }
    }

    /// A call was answered, whatever the answer. Gives whether that changes anything.
    pub fn succeeded(&mut self, now: DateTime<Utc>) -> bool {
        match self.state {
            State::Closed => {
                self.second(now).good += 1;
                false
            }
            // Of a call that was made before it opened.
            State::Open { until } if now < until => false,
            State::Open { .. } | State::HalfOpen { .. } => {
                *self = Self::default();
                true
            }
        }
    }

    /// A call failed in a way that others would meet, too. Gives whether that changes anything.
    pub fn failed(&mut self, why: &str, now: DateTime<Utc>) -> bool {
        match self.state {
            State::Closed => {
                self.second(now).bad += 1;
                let (good, bad) =
                    self.seconds.iter().fold((0, 0), |(good, bad), one| (good + one.good, bad + one.bad));
                let opens = good + bad >= LEAST_CALLS && bad >= good;
                if opens {
                    self.open(
                        format!("{bad} of its last {} calls failed, the last one so: {why}", good + bad),
                        now,
                    );
                }
                opens
            }
            State::Open { until } if now < until => false,
            State::Open { .. } | State::HalfOpen { .. } => {
                self.open(why.to_owned(), now);
                true
            }
        }
    }

    /// Every call would fail so: it opens at once. Gives whether that changes anything.
    pub fn trip(&mut self, why: &str, now: DateTime<Utc>) -> bool {
        if let State::Open { until } = self.state
            && now < until
        {
            return false;
        }
        self.open(why.to_owned(), now);
        true
    }

    /// A call that was let through came to nothing of which anything could be told.
    pub fn forget_call(&mut self) {
        if let State::HalfOpen { call, .. } = &mut self.state {
            *call = None;
        }
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, now: DateTime<Utc>) -> Standing {
        match self.state {
            State::Closed => Standing::Closed,
            State::Open { until } if now < until && until - now <= LONGEST_WAIT => {
                Standing::Open { until, why: self.why.clone() }
            }
            State::Open { .. } => Standing::HalfOpen { why: self.why.clone(), is_tried: false },
            State::HalfOpen { turn, .. } => {
                let is_tried = turn.is_some_and(|since| now - since < TRIAL);
                Standing::HalfOpen { why: self.why.clone(), is_tried }
            }
        }
    }

    fn open(&mut self, why: String, now: DateTime<Utc>) {
        let wait = self.wait.unwrap_or(FIRST_WAIT);
        self.wait = Some((wait * 2).min(LONGEST_WAIT));
        self.seconds.clear();
        self.why = why;
        self.state = State::Open { until: now + wait };
    }

    /// A clock that was set back prolongs nothing.
    fn mend(&mut self, now: DateTime<Utc>) {
        if let State::Open { until } = self.state
            && until - now > LONGEST_WAIT
        {
            self.state = State::Open { until: now };
        }
    }

    /// The present second's calls; older ones than are looked at go.
    fn second(&mut self, now: DateTime<Utc>) -> &mut Second {
        let is_known = |second: &Second| (now - second.at).abs() < LOOKS_BACK;
        self.seconds.retain(is_known);
        let is_present = |second: &Second| (now - second.at).abs() < TimeDelta::seconds(1);
        if !self.seconds.back().is_some_and(is_present) {
            self.seconds.push_back(Second { at: now, good: 0, bad: 0 });
        }
        self.seconds.back_mut().expect("one was put there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    /// A breaker that has heard so many good and bad calls, one a second from second 0, the good ones first.
    fn after(good: i64, bad: i64) -> Breaker {
        let mut breaker = Breaker::default();
        for second in 0..good {
            breaker.succeeded(at(second));
        }
        for second in good..good + bad {
            breaker.failed("HTTP 500", at(second));
        }
        breaker
    }

    fn is_open(breaker: &mut Breaker, second: i64) -> bool {
        breaker.admit(Traveller::Call, at(second)).is_err()
    }

    #[test]
    fn it_opens_when_half_of_ten_calls_of_half_a_minute_failed() {
        for (good, bad, opens) in [
            (0, 9, false),
            (0, 10, true),
            (5, 5, true),
            (6, 5, false),
            (20, 9, false),
            (9, 1, false),
            // The good ones are long ago.
            (40, 14, false),
            (40, 15, true),
        ] {
            assert_eq!(is_open(&mut after(good, bad), good + bad), opens, "{good} good, {bad} bad");
        }
        let mut slow = Breaker::default();
        assert!((0..100).all(|n| !slow.failed("HTTP 500", at(n * 4))), "never ten within half a minute");
    }

    #[test]
    fn one_turn_and_one_call_try_it_and_what_comes_of_them_decides() {
        let mut breaker = after(0, 10);
        let opened = 9;
        for (round, wait) in [30, 60, 120, 240, 480, 600, 600].into_iter().enumerate() {
            let start = if round == 0 { opened } else { 10_000 * i64::try_from(round).expect("a few") };
            if round > 0 {
                assert!(breaker.failed("HTTP 500", at(start)), "the trial failed");
            }
            assert!(is_open(&mut breaker, start + wait - 1), "{round}");
            let end = at(start + wait);
            for who in [Traveller::Turn, Traveller::Call] {
                assert_eq!(breaker.admit(who, end), Ok(()), "{round}: {who:?}");
                let second = breaker.admit(who, end).expect_err("one is enough");
                assert!(second.is_tried && second.until > end, "{round}: {second:?}");
            }
        }
        assert!(breaker.succeeded(at(90_000)), "it is over");
        assert_eq!(breaker.standing(at(90_000)), Standing::Closed);
        assert!((0..50).all(|_| breaker.admit(Traveller::Turn, at(90_001)).is_ok()));
        assert!(breaker.trip("no money", at(90_002)));
        let away = breaker.admit(Traveller::Turn, at(90_003)).expect_err("at once");
        assert_eq!(
            (away.why.as_str(), away.until),
            ("no money", at(90_032)),
            "and for as long as the first time"
        );
    }

    #[test]
    fn a_trial_without_a_word_is_followed_by_another_and_stale_words_change_nothing() {
        let mut breaker = after(0, 10);
        assert!(!breaker.succeeded(at(12)), "of a call from before");
        assert!(!breaker.failed("HTTP 500", at(13)) && !breaker.trip("no money", at(13)));
        assert!(is_open(&mut breaker, 38) && !is_open(&mut breaker, 39));
        assert!(
            is_open(&mut breaker, 98) && !is_open(&mut breaker, 99),
            "its trial was never heard of again"
        );
        breaker.forget_call();
        assert!(!is_open(&mut breaker, 100));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_open_for_ever() {
        let mut breaker = after(0, 10);
        let yesterday = at(-86_400);
        assert_eq!(breaker.standing(yesterday).name(), "half-open");
        assert_eq!(breaker.admit(Traveller::Call, yesterday), Ok(()));
    }
}
