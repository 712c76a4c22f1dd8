//! What ends a life: an instant, or a moment that a neighbour sees.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use standin::witness::{Point, Sight};

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
    fits: fn(&str, &Value) -> bool,
}

/// Every one that a neighbour can tell.
pub(super) const MOMENTS: [Moment; 16] = [
    moment("who is due: asked", "mana-auth", Point::Arrived, |path, _| path.ends_with("/due")),
    moment("sign-in: done, not heard of", "mana-auth", Point::Done, |path, _| path.contains("/sign-in/")),
    moment("session of tools: open, not heard of", "mana-mcp", Point::Done, |_, body| is(body, "initialize")),
    moment("model call: after intent", "claude", Point::Arrived, |_, body| is_first_round(body)),
    moment("model call: after call, before result", "claude", Point::Done, |_, body| has_tools(body)),
    moment("model call: answered", "claude", Point::Answered, |_, body| has_tools(body)),
    moment("tool call: after intent", "mana-mcp", Point::Arrived, |_, body| is(body, "tools/call")),
    moment("tool call: after call, before result", "mana-mcp", Point::Done, |_, body| is(body, "tools/call")),
    moment("tool call: answered", "mana-mcp", Point::Answered, |_, body| is(body, "tools/call")),
    moment("tool call: after result", "claude", Point::Arrived, |_, body| {
        has_tools(body) && !is_first_round(body)
    }),
    moment("rating: after intent", "claude", Point::Arrived, |_, body| !has_tools(body)),
    moment("rating: after call, before result", "claude", Point::Done, |_, body| !has_tools(body)),
    moment("actions: before delivery", "mana-auth", Point::Arrived, |path, _| path.ends_with("/actions")),
    moment("actions: after delivery, before mark", "mana-auth", Point::Answered, |path, _| {
        path.ends_with("/actions")
    }),
    moment("ratings: before delivery", "mana-auth", Point::Arrived, |path, _| path.ends_with("/feedback")),
    moment("ratings: after delivery, before mark", "mana-auth", Point::Answered, |path, _| {
        path.ends_with("/feedback")
    }),
];

/// How a kill at a random instant is counted.
pub(super) const AT_RANDOM: &str = "at a random instant";

const fn moment(
    name: &'static str,
    stand_in: &'static str,
    point: Point,
    fits: fn(&str, &Value) -> bool,
) -> Moment {
    Moment { name, stand_in, point, fits }
}

/// A message of MCP with this method.
fn is(body: &Value, method: &str) -> bool {
    body["method"] == method
}

fn has_tools(body: &Value) -> bool {
    body["tools"].as_array().is_some_and(|tools| !tools.is_empty())
}

fn is_first_round(body: &Value) -> bool {
    has_tools(body) && body["messages"].as_array().is_some_and(|messages| messages.len() == 1)
}

/// How a life is to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// So long after its start.
    After(Duration),
    /// At the n-th time of one of [`MOMENTS`], or a little later.
    At { moment: usize, times: u32, linger: Duration },
}

/// One plan after the other: each moment once before any comes again, and random instants between them.
pub(super) struct Plans {
    random: StdRng,
    /// Moments and how often they have to come, or instants.
    next: Vec<Option<(usize, u32)>>,
}

impl Plans {
    pub(super) fn of(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), next: Vec::new() }
    }

    /// The next one. A moment that has not come is tried again after it, and its first time will do then.
    pub(super) fn next(&mut self, in_vain: Option<Plan>) -> Plan {
        if self.next.is_empty() {
            let instants = std::iter::repeat_n(None, MOMENTS.len() / 2);
            let moments =
                (0..MOMENTS.len()).map(|moment| Some((moment, self.random.random_range(1..=MOST_TIMES))));
            self.next = moments.collect();
            self.next.extend(instants);
            self.next.shuffle(&mut self.random);
        }
        let next = self.next.pop().flatten();
        if let Some(Plan::At { moment, .. }) = in_vain {
            self.next.push(Some((moment, 1)));
        }
        let random = &mut self.random;
        match next {
            None => Plan::After(random.random_range(Duration::ZERO..LATEST)),
            Some((moment, times)) => {
                let lingers = MOMENTS[moment].point == Point::Answered && random.random_bool(0.7);
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

    /// How often at what.
    pub(super) fn kills(&self) -> BTreeMap<&'static str, usize> {
        self.locked().kills.clone()
    }

    /// Looks whether the moment has come. Gives how long to linger, and the moment's name, if so.
    pub(super) fn sees(&self, sight: &Sight, body: &Value, point: Point) -> Option<(Duration, &'static str)> {
        let mut state = self.locked();
        let (_, Plan::At { moment, times, linger }, seen) = state.armed.as_mut()? else { return None };
        let Moment { name, stand_in, point: at, fits } = &MOMENTS[*moment];
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
