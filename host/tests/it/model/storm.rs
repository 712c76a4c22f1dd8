//! Several daemons that share a limited Claude and know nothing of each other, in simulated time: the gate's lanes and
//! the stand-in's limiter are values, so that an hour of four daemons is a moment, and the same each time.
//!
//! `cargo test -p persona-host --test it -- model::storm --nocapture` prints the figures of docs/operating-claude.md.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use persona_host::model::gate::{Cause, End, Lane, Levels, Need, Verdict};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use standin::claude::Limiter;

/// What calls need that is of no matter here.
const NEED: Need = Need { input: 0.0, output: 0.0 };
/// From a daemon to Claude, and back again.
const WAY: Duration = Duration::from_millis(100);
/// From a reply to the next call of the same turn.
const TOOLS: Duration = Duration::from_millis(300);
/// Before then nothing is judged.
const SETTLES: Duration = Duration::from_secs(60);

/// Four daemons' worth of load, or another number's.
#[derive(Clone, Copy, Debug)]
struct Load {
    daemons: usize,
    turns: usize,
    requests_per_minute: u32,
    /// Whether Claude tells of its limits.
    tells: bool,
    minutes: u64,
}

/// What happens, and to which daemon.
#[derive(Debug)]
enum Happens {
    /// A turn wants to make a call.
    Asks,
    /// The first in line may be able to leave.
    Looks,
    /// A call arrives at Claude.
    Arrives,
    /// The head of an answer arrives at the daemon.
    IsTold(HeaderMap),
    /// The answer is over: a reply, or a refusal with how long to wait.
    Ends(Result<(), Duration>),
}

struct Daemon {
    lane: Lane,
    line: VecDeque<()>,
    looks_at: Option<Duration>,
}

#[derive(Debug, Default)]
struct Figures {
    served: u32,
    refused: u32,
}

struct Storm {
    load: Load,
    chance: StdRng,
    limiter: Limiter,
    daemons: Vec<Daemon>,
    /// In the order of their times, and then of their numbers.
    order: BinaryHeap<Reverse<(Duration, usize)>>,
    events: Vec<Option<(usize, Happens)>>,
    figures: Figures,
}

impl Storm {
    fn of(load: Load, seed: u64) -> Self {
        let daemon = || Daemon { lane: Lane::up_to(load.turns), line: VecDeque::new(), looks_at: None };
        let mut storm = Self {
            load,
            chance: StdRng::seed_from_u64(seed),
            limiter: Limiter::a_minute(load.requests_per_minute),
            daemons: (0..load.daemons).map(|_| daemon()).collect(),
            order: BinaryHeap::new(),
            events: Vec::new(),
            figures: Figures::default(),
        };
        for turn in 0..load.turns * load.daemons {
            let start = Duration::from_secs_f64(storm.chance.random());
            storm.plan(start, turn % load.daemons, Happens::Asks);
        }
        storm
    }

    /// The part of what is allowed that was used, and the part of the calls that was refused.
    fn blow(mut self) -> (f64, f64) {
        let end = Duration::from_secs(60 * self.load.minutes);
        while let Some(Reverse((now, event))) = self.order.pop() {
            if now > end {
                break;
            }
            let (daemon, happens) = self.events[event].take().unwrap();
            self.happen(now, daemon, happens);
        }
        let allowed = f64::from(self.load.requests_per_minute) * (end - SETTLES).as_secs_f64() / 60.0;
        let Figures { served, refused } = self.figures;
        (f64::from(served) / allowed, f64::from(refused) / f64::from(served + refused))
    }

    fn plan(&mut self, at: Duration, daemon: usize, happens: Happens) {
        self.order.push(Reverse((at, self.events.len())));
        self.events.push(Some((daemon, happens)));
    }

    fn happen(&mut self, now: Duration, at: usize, happens: Happens) {
        match happens {
            Happens::Asks => self.daemons[at].line.push_back(()),
            Happens::Looks => {}
            Happens::Arrives => return self.serve(now, at),
            Happens::IsTold(headers) => self.daemons[at].lane.hear(NEED, Levels::of(&headers, now)),
            Happens::Ends(answer) => {
                let chance = self.chance.random();
                let (end, again) = match answer {
                    Ok(()) => (End::Reply(domain::usage::Usage::default()), TOOLS),
                    Err(wait) => (End::Patience { cause: Cause::RateLimit, asked: Some(wait) }, wait),
                };
                self.daemons[at].lane.end(end, now, chance);
                self.plan(now + again, at, Happens::Asks);
            }
        }
        self.leave(now, at);
    }

    /// Who is in line leaves, as far as that may be.
    fn leave(&mut self, now: Duration, at: usize) {
        while !self.daemons[at].line.is_empty() {
            let chance = self.chance.random();
            let daemon = &mut self.daemons[at];
            match daemon.lane.admit(NEED, now, chance) {
                Verdict::Go => {
                    daemon.line.pop_front();
                    self.plan(now + WAY, at, Happens::Arrives);
                }
                Verdict::Full => return,
                Verdict::At(then) => {
                    if daemon.looks_at.is_none_or(|planned| planned <= now || then < planned) {
                        daemon.looks_at = Some(then);
                        self.plan(then, at, Happens::Looks);
                    }
                    return;
                }
            }
        }
    }

    fn serve(&mut self, now: Duration, at: usize) {
        let allowed = self.limiter.take(now);
        if now >= SETTLES {
            self.figures.served += u32::from(allowed.is_served);
            self.figures.refused += u32::from(!allowed.is_served);
        }
        let date: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::from_std(now).unwrap();
        let headers = allowed.headers(date).into_iter().filter(|_| self.load.tells);
        let header = |(name, value): (&'static str, String)| {
            (HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap())
        };
        let headers = headers.map(header).collect();
        self.plan(now + WAY, at, Happens::IsTold(headers));
        let (answer, takes) = match allowed.retry_after {
            None => (Ok(()), Duration::from_secs_f64(self.chance.random_range(1.0..4.0))),
            Some(wait) => (Err(wait), Duration::ZERO),
        };
        self.plan(now + WAY + takes, at, Happens::Ends(answer));
    }
}

/// The worst of so many storms: least used, most refused.
fn worst(load: Load, storms: u64) -> (f64, f64) {
    let storms = (0..storms).map(|seed| Storm::of(load, seed).blow());
    storms.fold((f64::INFINITY, 0.0), |(used, refused), one| (one.0.min(used), one.1.max(refused)))
}

#[test]
fn daemons_that_know_nothing_of_each_other_use_what_there_is_and_are_hardly_refused() {
    let four = |turns, requests_per_minute| Load {
        daemons: 4,
        turns,
        requests_per_minute,
        tells: true,
        minutes: 11,
    };
    for load in [
        four(8, 30),
        four(8, 50),
        four(8, 60),
        four(8, 300),
        four(32, 1000),
        Load { daemons: 1, ..four(8, 50) },
        Load { daemons: 8, ..four(8, 60) },
    ] {
        let (used, refused) = worst(load, 4);
        let Load { daemons, turns, requests_per_minute, .. } = load;
        println!(
            "{daemons} daemons of {turns} turns, {requests_per_minute} requests a minute: {:.1} % used, {:.2} % refused",
            used * 100.0,
            refused * 100.0
        );
        assert!(used >= 0.9 && refused <= 0.02, "{load:?}: {used:.3} used, {refused:.3} refused");
    }
}

/// Gateways that say no and nothing else.
#[test]
fn without_a_word_of_limits_refusals_alone_slow_them_down() {
    for (daemons, turns, requests_per_minute) in
        [(1, 8, 50), (2, 8, 60), (4, 8, 60), (8, 8, 60), (4, 8, 120), (4, 8, 300), (4, 32, 1000)]
    {
        let load = Load { daemons, turns, requests_per_minute, tells: false, minutes: 11 };
        let (used, refused) = worst(load, 8);
        println!(
            "nothing told, {daemons} daemons of {turns} turns, {requests_per_minute} requests a minute: {:.1} % used, \
             {:.2} % refused",
            used * 100.0,
            refused * 100.0
        );
        assert!(used >= 0.9 && refused <= 0.02, "{load:?}: {used:.3} used, {refused:.3} refused");
    }
}
