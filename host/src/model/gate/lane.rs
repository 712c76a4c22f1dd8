//! Who may leave for Claude now, of those who ask the same family of models: a value, and the time is passed in, as
//! that since the gate was made.

use std::time::Duration;

use super::levels::{Levels, Need};
use super::pace::Pace;
use super::window::Window;
use domain::usage::Usage;

/// A wait of our own choice after the first refusal, doubled with each, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// After this something is tried, whatever wait was asked for.
const LONGEST_ASKED: Duration = Duration::from_secs(60 * 60);
/// How fast what calls take is learned.
const LEARNS: f64 = 0.2;
/// A call may take more than usual.
const MARGIN: f64 = 1.5;

/// The calls of one family.
#[derive(Debug)]
pub struct Lane {
    window: Window,
    pace: Pace,
    levels: Levels,
    in_flight: usize,
    /// What those need of which no answer has begun.
    on_their_way: [f64; 4],
    /// Claude asked for patience until then, and for so long.
    cool_until: Duration,
    cool_for: Duration,
    refusals: u32,
    last: Duration,
    /// By chance, for the next one.
    spread: f64,
    /// What calls take, as a share of what they could.
    usual: Need,
}

/// Whether a call may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has left.
    Go,
    /// Not before then.
    At(Duration),
    /// Not before another one ends.
    Full,
}

/// Why Claude asks for patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// 429: we ask too much.
    RateLimit,
    /// 529: everybody does.
    Overloaded,
}

impl Cause {
    /// The word in records and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate-limit",
            Self::Overloaded => "overloaded",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a reply.
    Reply(Usage),
    /// Claude asks for patience.
    Patience {
        /// Why.
        cause: Cause,
        /// For so long, if it says so.
        asked: Option<Duration>,
    },
    /// In another way.
    Other,
}

/// Nobody leaves for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooled {
    /// Why.
    pub cause: Cause,
    /// How long.
    pub wait: Duration,
    /// How many may be under way at once from now on.
    pub window: usize,
}

impl Lane {
    /// One in which at most so many calls are under way at once.
    #[must_use]
    pub fn up_to(most: usize) -> Self {
        Self {
            window: Window::up_to(most),
            pace: Pace::default(),
            levels: Levels::default(),
            in_flight: 0,
            on_their_way: [0.0; 4],
            cool_until: Duration::ZERO,
            cool_for: Duration::ZERO,
            refusals: 0,
            last: Duration::ZERO,
            spread: 0.5,
            usual: Need { input: 1.0, output: 1.0 },
        }
    }

    /// So many calls under way at once at most from now on.
    pub fn set_most(&mut self, most: usize) {
        self.window.set_most(most);
    }

    /// What a call is expected to take whose prompt has so many tokens, and its reply so many at most: all of it at
    /// first, and then as much as others have taken.
    #[must_use]
    pub fn need(&self, prompt: f64, most_output: f64) -> Need {
        let share = |usual: f64| (usual * MARGIN).min(1.0);
        Need { input: prompt * share(self.usual.input), output: most_output * share(self.usual.output) }
    }

    /// Lets a call leave, or says when. `chance` is from 0 to below 1.
    pub fn admit(&mut self, need: Need, now: Duration, chance: f64) -> Verdict {
        if now < self.cool_until {
            return Verdict::At(self.cool_until);
        }
        if self.in_flight >= self.window.size() {
            return Verdict::Full;
        }
        let levels = self.levels.free_at(need, &self.on_their_way, self.last, &self.pace, self.spread);
        let free_at = levels.max(self.last + self.pace.gap(self.spread));
        if now < free_at {
            return Verdict::At(free_at);
        }
        self.in_flight += 1;
        Levels::count(&mut self.on_their_way, need, 1.0);
        (self.last, self.spread) = (now, chance);
        Verdict::Go
    }

    /// Of a call that has left an answer begins, which tells this of the limits.
    pub fn hear(&mut self, need: Need, levels: Levels) {
        Levels::count(&mut self.on_their_way, need, -1.0);
        self.levels.learn(levels);
    }

    /// A call that has left comes to nothing before any answer begins.
    pub fn take_back(&mut self, need: Need) {
        Levels::count(&mut self.on_their_way, need, -1.0);
    }

    /// What a reply took of what it could have taken.
    pub fn learn(&mut self, prompt: f64, most_output: f64, usage: &Usage) {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let tokens = |count: u64| count as f64;
        let uncached = usage.input.saturating_add(usage.cache_write_5m).saturating_add(usage.cache_write_1h);
        let towards = |usual: &mut f64, taken: f64, could: f64| {
            if could > 0.0 {
                *usual += LEARNS * ((taken / could).min(1.0) - *usual);
            }
        };
        towards(&mut self.usual.input, tokens(uncached), prompt);
        towards(&mut self.usual.output, tokens(usage.output), most_output);
    }

    /// A call that has left is over. Gives what follows for everybody, if anything does.
    pub fn end(&mut self, end: End, now: Duration, chance: f64) -> Option<Cooled> {
        self.in_flight = self.in_flight.saturating_sub(1);
        match end {
            End::Reply(_) => {
                self.refusals = 0;
                self.window.grow();
                self.pace.speed_up();
                None
            }
            End::Patience { cause, asked } => self.cool(cause, asked, now, chance),
            End::Other => None,
        }
    }

    fn cool(&mut self, cause: Cause, asked: Option<Duration>, now: Duration, chance: f64) -> Option<Cooled> {
        // Those that were refused together are one refusal.
        if now >= self.cool_until {
            self.refusals += 1;
        }
        self.window.cut(now);
        if cause == Cause::RateLimit {
            self.pace.slow_down(now);
        }
        let own = || {
            let doubled = FIRST_WAIT.saturating_mul(1 << (self.refusals.max(1) - 1).min(16));
            doubled.min(LONGEST_WAIT).mul_f64(1.0 - chance)
        };
        // What is asked for is the least; chance parts us from other daemons that were told the same.
        let wait = asked.map_or_else(own, |asked| asked.min(LONGEST_ASKED).mul_f64(1.0 + chance / 4.0));
        let until = now + wait;
        let is_news = until > self.cool_until;
        if is_news {
            (self.cool_until, self.cool_for) = (until, wait);
        }
        is_news.then(|| Cooled { cause, wait, window: self.window.size() })
    }

    /// Until when nobody leaves, where that was more to begin with than anybody waits for: then nothing need begin that
    /// would come here. To its end, or who begins would be stopped in its middle by the next call of another.
    #[must_use]
    pub fn is_closed_until(&self, now: Duration, patience: Duration) -> Option<Duration> {
        (now < self.cool_until && self.cool_for > patience).then_some(self.cool_until)
    }

    /// How many calls may be under way at once, and how many are.
    #[must_use]
    pub fn places(&self) -> (usize, usize) {
        (self.window.size(), self.in_flight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Need = Need { input: 10.0, output: 10.0 };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn refused(asked: Option<u64>) -> End {
        End::Patience { cause: Cause::RateLimit, asked: asked.map(Duration::from_secs) }
    }

    #[test]
    fn so_many_leave_as_there_are_places() {
        let mut lane = Lane::up_to(2);
        let verdicts = [0, 0, 0].map(|second| lane.admit(NEED, at(second), 0.0));
        assert_eq!(verdicts, [Verdict::Go, Verdict::Go, Verdict::Full]);
        lane.end(End::Other, at(1), 0.0);
        assert_eq!([1, 1].map(|second| lane.admit(NEED, at(second), 0.0)), [Verdict::Go, Verdict::Full]);
    }

    #[test]
    fn one_refusal_holds_everybody_for_as_long_as_it_asks_and_halves_the_places() {
        let mut lane = Lane::up_to(8);
        (0..4).for_each(|_| assert_eq!(lane.admit(NEED, at(0), 0.0), Verdict::Go));
        let cooled = lane.end(refused(Some(20)), at(1), 0.5).expect("it is news");
        assert_eq!((cooled.wait, cooled.window), (Duration::from_millis(22_500), 4));
        assert_eq!(lane.end(refused(Some(5)), at(2), 0.0), None, "it ends before the other one");
        assert_eq!(lane.admit(NEED, at(23), 0.0), Verdict::At(Duration::from_millis(23_500)));
        assert_eq!(lane.admit(NEED, at(24), 0.0), Verdict::Go);
    }

    #[test]
    fn a_wait_that_nobody_has_the_patience_for_closes_it_to_its_end_and_a_shorter_one_does_not() {
        for (asked, closed) in [(100, [None; 3]), (200, [Some(at(201)), Some(at(201)), None])] {
            let mut lane = Lane::up_to(8);
            lane.admit(NEED, at(0), 0.0);
            lane.end(refused(Some(asked)), at(1), 0.0);
            let found = [1, 200, 201].map(|second| lane.is_closed_until(at(second), at(120)));
            assert_eq!(found, closed, "{asked}");
        }
    }

    #[test]
    fn without_a_word_of_how_long_the_wait_doubles_and_never_beyond_an_hour_with_one() {
        let mut lane = Lane::up_to(8);
        let waits =
            (0..6).map(|n| lane.end(refused(None), at(n * 100), 0.0).map(|cooled| cooled.wait.as_millis()));
        let waits: Vec<Option<u128>> = waits.collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000].map(Some));
        lane.admit(NEED, at(1000), 0.0);
        lane.end(End::Reply(Usage::default()), at(1000), 0.0);
        assert_eq!(lane.end(refused(None), at(1001), 0.0).map(|cooled| cooled.wait), Some(FIRST_WAIT));
        let long = lane.end(refused(Some(1_000_000)), at(2000), 0.0).map(|cooled| cooled.wait);
        assert_eq!(long, Some(LONGEST_ASKED));
    }

    #[test]
    fn what_calls_take_is_learned() {
        let mut lane = Lane::up_to(8);
        assert_eq!(lane.need(1000.0, 4000.0), Need { input: 1000.0, output: 4000.0 });
        let usage = Usage { input: 100, cache_read: 900, output: 40, ..Usage::default() };
        (0..40).for_each(|_| lane.learn(1000.0, 4000.0, &usage));
        let Need { input, output } = lane.need(1000.0, 4000.0);
        assert!((150.0..160.0).contains(&input) && (60.0..65.0).contains(&output), "{input} {output}");
    }
}
