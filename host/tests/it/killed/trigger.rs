//! What ends a life: an instant, or a moment that a neighbour sees.

use std::collections::BTreeMap;
use std::iter::repeat_n;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use standin::witness::Point::{Answered, Arrived, Done};
use standin::witness::{Point, Sight};

use super::beside::Left;

/// The latest instant, counted from the start of the process: it is up after some 30 ms, and a day of twenty personas
/// takes it half a second.
const LATEST: Duration = Duration::from_millis(400);
/// The latest that a moment is followed by the kill, so that some kills fall between an answer and its being kept.
const LINGER: Duration = Duration::from_micros(1500);
/// A moment is waited for so many times at most.
const MOST_TIMES: u32 = 5;

/// A moment at which things are as its name says.
pub(super) struct Moment {
    pub(super) name: &'static str,
    stand_in: &'static str,
    point: Point,
    /// Whether a request, by path and body, is one of those.
    fits: fn(&str, &Value) -> bool,
    /// Whether the ledger is as the name says, if the process died at once.
    leaves: fn(&Left) -> bool,
}

/// Every one that a neighbour can tell.
pub(super) const MOMENTS: [Moment; 16] = [
    moment("who is due: asked", "mana-auth", Arrived, is_due, anything),
    moment("sign-in: done, not heard of", "mana-auth", Done, is_sign_in, a_turn),
    moment("session of tools: open, not heard of", "mana-mcp", Done, is_opening, a_turn),
    moment("model call: after intent", "claude", Arrived, is_first_round, a_model_call),
    moment("model call: after call, before result", "claude", Done, is_day, a_model_call),
    moment("model call: answered", "claude", Answered, is_day, anything),
    moment("tool call: after intent", "mana-mcp", Arrived, is_tool_call, a_tool_call),
    moment("tool call: after call, before result", "mana-mcp", Done, is_tool_call, a_tool_call),
    moment("tool call: answered", "mana-mcp", Answered, is_tool_call, anything),
    moment("tool call: after result", "claude", Arrived, is_later_round, a_model_call),
    moment("rating: after intent", "claude", Arrived, is_rating, a_model_call),
    moment("rating: after call, before result", "claude", Done, is_rating, a_model_call),
    moment("actions: before delivery", "mana-auth", Arrived, has_actions, a_delivery),
    moment("actions: after delivery, before mark", "mana-auth", Answered, has_actions, anything),
    moment("ratings: before delivery", "mana-auth", Arrived, has_ratings, a_delivery),
    moment("ratings: after delivery, before mark", "mana-auth", Answered, has_ratings, anything),
];

const fn moment(
    name: &'static str,
    stand_in: &'static str,
    point: Point,
    fits: fn(&str, &Value) -> bool,
    leaves: fn(&Left) -> bool,
) -> Moment {
    Moment { name, stand_in, point, fits, leaves }
}

fn is_due(path: &str, _: &Value) -> bool {
    path.ends_with("/due")
}

fn is_sign_in(path: &str, _: &Value) -> bool {
    path.contains("/sign-in/")
}

fn is_opening(_: &str, body: &Value) -> bool {
    body["method"] == "initialize"
}

fn is_tool_call(_: &str, body: &Value) -> bool {
    body["method"] == "tools/call"
}

fn is_day(_: &str, body: &Value) -> bool {
    body["tools"].as_array().is_some_and(|tools| !tools.is_empty())
}

fn is_first_round(path: &str, body: &Value) -> bool {
    is_day(path, body) && body["messages"].as_array().is_some_and(|messages| messages.len() == 1)
}

fn is_later_round(path: &str, body: &Value) -> bool {
    is_day(path, body) && !is_first_round(path, body)
}

fn is_rating(path: &str, body: &Value) -> bool {
    !is_day(path, body)
}

fn has_actions(path: &str, _: &Value) -> bool {
    path.ends_with("/actions")
}

fn has_ratings(path: &str, _: &Value) -> bool {
    path.ends_with("/feedback")
}

fn anything(_: &Left) -> bool {
    true
}

fn a_turn(left: &Left) -> bool {
    !left.turns.is_empty()
}

fn a_model_call(left: &Left) -> bool {
    left.model_calls > 0
}

fn a_tool_call(left: &Left) -> bool {
    left.tool_calls > 0
}

fn a_delivery(left: &Left) -> bool {
    left.deliveries > 0
}

/// How a kill at a random instant is counted.
pub(super) const AT_RANDOM: &str = "at a random instant";

/// How a life is to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// So long after its start.
    After(Duration),
    /// By being told to stop, so long after its start.
    Stop(Duration),
    /// At the n-th time of one of [`MOMENTS`], or a little later.
    At { moment: usize, times: u32, linger: Duration },
}

/// One plan after the other: each moment once before any comes again, and random instants and orderly stops between them.
pub(super) struct Plans {
    random: StdRng,
    next: Vec<Card>,
}

#[derive(Clone, Copy)]
enum Card {
    /// A moment, and how often it has to come.
    Moment(usize, u32),
    Instant,
    Stop,
}

impl Plans {
    pub(super) fn of(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), next: Vec::new() }
    }

    /// The next one. A moment that has not come is tried again after it, and its first time will do then.
    pub(super) fn next(&mut self, in_vain: Option<Plan>) -> Plan {
        if self.next.is_empty() {
            let moments = (0..MOMENTS.len())
                .map(|moment| Card::Moment(moment, self.random.random_range(1..=MOST_TIMES)));
            self.next = moments.collect();
            self.next.extend(repeat_n(Card::Instant, MOMENTS.len() / 2));
            self.next.extend(repeat_n(Card::Stop, MOMENTS.len() / 4));
            self.next.shuffle(&mut self.random);
        }
        let next = self.next.pop().unwrap_or(Card::Instant);
        if let Some(Plan::At { moment, .. }) = in_vain {
            self.next.push(Card::Moment(moment, 1));
        }
        let random = &mut self.random;
        match next {
            Card::Instant => Plan::After(random.random_range(Duration::ZERO..LATEST)),
            Card::Stop => Plan::Stop(random.random_range(Duration::ZERO..LATEST)),
            Card::Moment(moment, times) => {
                let lingers = MOMENTS[moment].point == Answered && random.random_bool(0.7);
                let linger =
                    if lingers { random.random_range(Duration::ZERO..LINGER) } else { Duration::ZERO };
                Plan::At { moment, times, linger }
            }
        }
    }
}

/// Kills one process, once.
#[derive(Default)]
pub(super) struct Trigger(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whom, and how often the moment has come.
    armed: Option<(Pid, Plan, u32)>,
    /// At what this process was killed.
    fired: Option<&'static str>,
    /// How often at what.
    kills: BTreeMap<&'static str, usize>,
}

impl Trigger {
    /// A process is about to start.
    pub(super) fn begin_life(&self) {
        let mut state = self.locked();
        (state.armed, state.fired) = (None, None);
    }

    /// Takes aim at the process, if it has not been killed already.
    pub(super) fn arm(&self, pid: u32, plan: Plan) {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let mut state = self.locked();
        if state.fired.is_none() {
            state.armed = Some((pid, plan, 0));
        }
    }

    /// Kills now, unless that has been done.
    pub(super) fn fire(&self, at: &'static str) {
        let mut state = self.locked();
        if let Some((pid, ..)) = state.armed.take() {
            kill_process(pid, Signal::KILL).expect("a process that nobody has waited for can be killed");
            state.fired = Some(at);
            *state.kills.entry(at).or_default() += 1;
        }
    }

    /// Whether the process at which it aimed was killed by it. It aims at nobody after this.
    pub(super) fn has_fired(&self) -> bool {
        let mut state = self.locked();
        state.armed = None;
        state.fired.is_some()
    }

    /// Whether the ledger is as the moment of the latest kill says.
    pub(super) fn was_true(&self, left: &Left) {
        let at = self.locked().fired;
        let moment = MOMENTS.iter().find(|moment| Some(moment.name) == at);
        assert!(moment.is_none_or(|moment| (moment.leaves)(left)), "killed at {at:?}, it has left {left:?}");
    }

    /// How often at what.
    pub(super) fn kills(&self) -> BTreeMap<&'static str, usize> {
        self.locked().kills.clone()
    }

    /// Looks whether the moment has come. Gives how long to linger, and the moment's name, if so.
    pub(super) fn sees(&self, sight: &Sight, body: &Value, point: Point) -> Option<(Duration, &'static str)> {
        let mut state = self.locked();
        let (_, Plan::At { moment, times, linger }, seen) = state.armed.as_mut()? else { return None };
        let Moment { name, stand_in, point: at, fits, .. } = &MOMENTS[*moment];
        if sight.stand_in != *stand_in || point != *at || !fits(&sight.path, body) {
            return None;
        }
        *seen += 1;
        (*seen == *times).then_some((*linger, *name))
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
