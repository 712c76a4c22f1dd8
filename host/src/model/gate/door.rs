//! The gate itself: who came first leaves first, when breaker, limits and places let it.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hasher as _};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::allowance::Allowance;
use super::lane::{Cause, End, Lane, Verdict};
use super::levels::{Levels, Need};
use super::prefix::{Ahead, Prefixes};
use super::refusals::Refusals;
use crate::breaker::{Away, Fuse, Standing, Traveller};
use crate::jitter::jitter;
use crate::model::request::MessageRequest;
use domain::event::Event;
use domain::upstream::Upstream;
use domain::usage::Usage;

/// About so many bytes of JSON are a token.
const BYTES_OF_A_TOKEN: f64 = 4.0;

/// The gate of a process. Clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Inside>);

struct Inside {
    since: Instant,
    /// The most calls of a family that are under way at once.
    most: usize,
    fuse: Fuse,
    families: Mutex<BTreeMap<String, Arc<Family>>>,
    prefixes: Prefixes,
    refusals: Mutex<Refusals>,
    allowance: Mutex<Allowance>,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

/// The models that share their limits.
#[derive(Debug)]
struct Family {
    name: String,
    /// Held by who is first in line.
    line: tokio::sync::Mutex<()>,
    lane: Mutex<Lane>,
    /// What Claude said when it asked for patience last.
    asked: Mutex<String>,
    /// Something ended, or was told.
    changed: Notify,
}

/// A call, as far as the gate has to know it.
#[derive(Clone, Debug)]
pub struct Call {
    model: String,
    family: String,
    /// Of the prompt that it shares with others, if it is to be cached.
    prefix: Option<u64>,
    prompt: f64,
    most_output: f64,
}

/// Why a call does not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// Claude is left alone, by everybody or by those who ask this family of models.
    Away {
        /// Why.
        why: String,
        /// Until then.
        until: DateTime<Utc>,
        /// Other families are left alone, too.
        by_all: bool,
    },
}

/// Models that are asked nothing for now, although Claude does its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Which model, or which family of them.
    pub name: String,
    /// [`LeftAlone::COOLING`], [`LeftAlone::REFUSED`] or [`LeftAlone::TRIED`].
    pub state: &'static str,
    /// Until then, where that is known.
    pub until: Option<DateTime<Utc>>,
    /// In Claude's words.
    pub why: String,
}

/// What came of a call that has left.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// A reply.
    Reply(Usage),
    /// Claude asks for patience.
    Patience {
        /// Why.
        cause: Cause,
        /// For so long, if it says so.
        asked: Option<Duration>,
        /// In Claude's words.
        why: &'a str,
    },
    /// Claude does its work, and does not like this request.
    Refused,
    /// Claude does its work, and has no such model for this key.
    NoModel(&'a str),
    /// Claude does not do its work.
    Outage(&'a str),
    /// Nothing will work until a person does something about it.
    Halt(&'a str),
    /// Nothing that says anything of Claude.
    Nothing,
}

/// Leave to send one request. Whoever drops it has not heard of it again.
#[derive(Debug)]
pub struct Pass {
    gate: Gate,
    family: Arc<Family>,
    call: Call,
    need: Need,
    is_heard: bool,
    is_over: bool,
    ahead: Option<Ahead>,
}

/// How a family's calls stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Which family.
    pub family: String,
    /// How many calls may be under way at once.
    pub window: usize,
    /// How many are.
    pub in_flight: usize,
}

impl LeftAlone {
    /// Claude asked for patience.
    pub const COOLING: &'static str = "cooling-down";
    /// This key has no such model.
    pub const REFUSED: &'static str = "refused";
    /// Somebody looks whether it has by now.
    pub const TRIED: &'static str = "tried";

    /// Whether who asks this model is meant.
    #[must_use]
    pub fn is_of(&self, model: &str) -> bool {
        match self.state {
            Self::COOLING => self.name == family(model),
            _ => self.name == model,
        }
    }
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, until, why } = self;
        let until = until.map(|until| format!(" before {}", until.format("%Y-%m-%d %H:%M:%S UTC")));
        let until = until.unwrap_or_else(|| " for now".to_owned());
        match *state {
            Self::COOLING => write!(f, "nothing is asked of the models of the family {name}{until}: {why}"),
            _ => write!(f, "nothing is asked of the model {name}{until}: {why}"),
        }
    }
}

impl Call {
    /// What the gate has to know of a request whose body has so many bytes.
    #[must_use]
    pub fn of(request: &MessageRequest, bytes: usize, is_cached: bool) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let prompt = bytes as f64 / BYTES_OF_A_TOKEN;
        Self {
            model: request.model.clone(),
            family: family(&request.model),
            prefix: (is_cached && !request.tools.is_empty()).then(|| prefix(request)),
            prompt,
            most_output: request.max_tokens.into(),
        }
    }

    /// The family of models.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }
}

impl Gate {
    /// A gate for at most so many calls of a family at once, which tells what others may want to know.
    #[must_use]
    pub fn new(most: usize, fuse: Fuse, tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inside {
            since: Instant::now(),
            most,
            fuse,
            families: Mutex::default(),
            prefixes: Prefixes::default(),
            refusals: Mutex::default(),
            allowance: Mutex::default(),
            tell: Box::new(tell),
        }))
    }

    /// One without a breaker, which has room for everybody.
    #[must_use]
    pub fn alone() -> Self {
        Self::new(usize::MAX, Fuse::inert(Upstream::Claude), |_| {})
    }

    /// Waits until a call may leave: every request that may be paid for comes by here, each time that it is sent.
    /// Dropping this leaves the line.
    ///
    /// # Errors
    /// When Claude is left alone, or would have to be waited for longer than `patience`.
    pub async fn admit(&self, call: &Call, patience: Duration) -> Result<Pass, Barred> {
        if let Standing::Open { until, why } = self.0.fuse.standing() {
            return Err(Barred::Away { why, until, by_all: true });
        }
        let family = self.family(&call.family);
        let ahead = match call.prefix {
            Some(prefix) => self.0.prefixes.enter(prefix).await,
            None => None,
        };
        let need = {
            // Who came first leaves first.
            let _first = family.line.lock().await;
            self.leave(&family, call, patience).await?
        };
        let (gate, family, call) = (self.clone(), family, call.clone());
        let pass = Pass { gate, family, call, need, is_heard: false, is_over: false, ahead };
        // Looked at now: who went ahead may have shown it. Where another call tries it, that one is not to be forgotten.
        let (away, by_all) = match self.0.fuse.admit_call() {
            Err(away) => (away, true),
            Ok(()) => {
                let now = self.0.fuse.now();
                let Err(away) = lock(&self.0.refusals).admit(&pass.call.model, Traveller::Call, now) else {
                    return Ok(pass);
                };
                self.0.fuse.forget_call();
                (away, false)
            }
        };
        pass.end_unsent();
        Err(Barred::Away { why: away.why, until: away.until, by_all })
    }

    /// Waits for limits and places, as the first in line.
    async fn leave(&self, family: &Family, call: &Call, patience: Duration) -> Result<Need, Barred> {
        loop {
            let mut changed = pin!(family.changed.notified());
            // What is told from here on is heard.
            changed.as_mut().enable();
            let (verdict, need, now) = {
                let (mut lane, now) = (lock(&family.lane), self.0.since.elapsed());
                let need = lane.need(call.prompt, call.most_output);
                (lane.admit(need, now, jitter()), need, now)
            };
            match verdict {
                Verdict::Go => return Ok(need),
                Verdict::Full => changed.await,
                Verdict::At(at) if at.saturating_sub(now) > patience => {
                    let why = format!("it asked the models of the family {} for patience", family.name);
                    return Err(Barred::Away {
                        why,
                        until: self.after(at.saturating_sub(now)),
                        by_all: false,
                    });
                }
                Verdict::At(at) => {
                    tokio::select! {
                        () = sleep_until(self.0.since + at) => {}
                        () = changed => {}
                    }
                }
            }
        }
    }

    /// Whether a turn may begin that will ask this model, and whose calls have so much patience.
    ///
    /// # Errors
    /// When it would be stopped at its first call.
    pub fn admit_turn(&self, model: &str, patience: Duration) -> Result<(), LeftAlone> {
        if let Some(cooling) = self.cooling(&family(model), patience) {
            return Err(cooling);
        }
        let admitted = lock(&self.0.refusals).admit(model, Traveller::Turn, self.0.fuse.now());
        admitted.map_err(|Away { why, until, is_tried }| {
            let state = if is_tried { LeftAlone::TRIED } else { LeftAlone::REFUSED };
            LeftAlone { name: model.to_owned(), state, until: Some(until), why }
        })
    }

    /// What is left alone of Claude although it does its work, by calls of so much patience.
    #[must_use]
    pub fn left_alone(&self, patience: Duration) -> Vec<LeftAlone> {
        let names: Vec<String> = lock(&self.0.families).keys().cloned().collect();
        let mut all: Vec<_> = names.iter().filter_map(|name| self.cooling(name, patience)).collect();
        let refusals = lock(&self.0.refusals);
        all.extend(refusals.standings(self.0.fuse.now()).filter_map(|(model, standing)| {
            let (state, until, why) = match standing {
                Standing::Open { until, why } => (LeftAlone::REFUSED, Some(until), why),
                Standing::HalfOpen { why, .. } => (LeftAlone::TRIED, None, why),
                Standing::Closed => return None,
            };
            Some(LeftAlone { name: model.to_owned(), state, until, why })
        }));
        all
    }

    fn cooling(&self, name: &str, patience: Duration) -> Option<LeftAlone> {
        let family = lock(&self.0.families).get(name).map(Arc::clone)?;
        let now = self.0.since.elapsed();
        let until = lock(&family.lane).is_closed_until(now, patience)?;
        let (until, why) = (Some(self.after(until.saturating_sub(now))), lock(&family.asked).clone());
        Some(LeftAlone { name: family.name.clone(), state: LeftAlone::COOLING, until, why })
    }

    /// A message is to be had, with however many requests.
    pub(in crate::model) fn note_message(&self) {
        lock(&self.0.allowance).add();
    }

    /// Whether a request may be repeated: there is a limit for all of them together.
    pub(in crate::model) fn may_repeat(&self, maybe_paid: bool) -> bool {
        lock(&self.0.allowance).take(maybe_paid)
    }

    /// Tells what others may want to know.
    pub(in crate::model) fn tell(&self, event: Event) {
        (self.0.tell)(event);
    }

    /// How the calls of each family stand.
    #[must_use]
    pub fn figures(&self) -> Vec<Figures> {
        let families = lock(&self.0.families);
        let figures = |family: &Arc<Family>| {
            let (window, in_flight) = lock(&family.lane).places();
            Figures { family: family.name.clone(), window, in_flight }
        };
        families.values().map(figures).collect()
    }

    /// The time of day after such a wait.
    fn after(&self, wait: Duration) -> DateTime<Utc> {
        let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        self.0.fuse.now() + TimeDelta::milliseconds(wait.into())
    }

    fn family(&self, name: &str) -> Arc<Family> {
        let mut families = lock(&self.0.families);
        let made = || {
            let lane = Mutex::new(Lane::up_to(self.0.most));
            Arc::new(Family {
                name: name.to_owned(),
                asked: Mutex::default(),
                line: tokio::sync::Mutex::default(),
                lane,
                changed: Notify::new(),
            })
        };
        Arc::clone(families.entry(name.to_owned()).or_insert_with(made))
    }
}

impl Pass {
    /// An answer begins, whatever it says; its headers tell of the limits.
    pub fn hear(&mut self, headers: &HeaderMap) {
        let levels = Levels::of(headers, self.gate.0.since.elapsed());
        if !std::mem::replace(&mut self.is_heard, true) {
            lock(&self.family.lane).hear(self.need, levels);
            self.family.changed.notify_waiters();
        }
    }

    /// The content of a reply begins: from now on the prompt can be read from the cache.
    pub fn content_begins(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            ahead.begins();
        }
    }

    /// The call is over.
    pub fn end(mut self, outcome: &Outcome<'_>) {
        let fuse = &self.gate.0.fuse;
        match outcome {
            Outcome::Reply(_) | Outcome::Refused | Outcome::NoModel(_) => fuse.hear(None),
            Outcome::Outage(why) | Outcome::Patience { cause: Cause::Overloaded, why, .. } => {
                fuse.hear(Some(why))
            }
            Outcome::Halt(why) => fuse.trip(why),
            Outcome::Patience { cause: Cause::RateLimit, .. } | Outcome::Nothing => fuse.forget_call(),
        }
        if let Outcome::Reply(usage) = outcome {
            self.content_begins();
            self.learn(usage);
        }
        self.hear_of_model(outcome);
        if let Outcome::Patience { why, .. } = outcome {
            (*why).clone_into(&mut lock(&self.family.asked));
        }
        let end = match outcome {
            Outcome::Reply(usage) => End::Reply(*usage),
            Outcome::Patience { cause, asked, .. } => End::Patience { cause: *cause, asked: *asked },
            _ => End::Other,
        };
        self.give_back(end);
    }

    /// What the outcome says of the model that was asked.
    fn hear_of_model(&self, outcome: &Outcome<'_>) {
        let (model, now) = (self.call.model.as_str(), self.gate.0.fuse.now());
        let told = |state, until, why: &str| {
            self.gate.tell(Event::ModelChanged {
                model: model.to_owned(),
                state,
                until,
                why: why.to_owned(),
            });
        };
        let refusals = || lock(&self.gate.0.refusals);
        match outcome {
            Outcome::NoModel(why) => {
                let until = refusals().refused(model, why, now);
                if until.is_some() {
                    told("refused", until, why);
                }
            }
            Outcome::Reply(_) | Outcome::Refused => {
                let had_been_refused = refusals().answered(model);
                if had_been_refused {
                    told("answers", None, "");
                }
            }
            _ => refusals().forget_call(model),
        }
    }

    fn learn(&self, usage: &Usage) {
        lock(&self.family.lane).learn(self.call.prompt, self.call.most_output, usage);
        let is_cached = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h > 0;
        if let Some(prefix) = self.call.prefix.filter(|_| !is_cached) {
            self.gate.0.prefixes.is_not_kept(prefix);
        }
    }

    /// It was let out by the family, and not by the breaker.
    fn end_unsent(mut self) {
        self.give_back(End::Other);
    }

    fn give_back(&mut self, end: End) {
        self.is_over = true;
        let cooled = {
            let mut lane = lock(&self.family.lane);
            if !self.is_heard {
                lane.take_back(self.need);
            }
            lane.end(end, self.gate.0.since.elapsed(), jitter())
        };
        self.family.changed.notify_waiters();
        if let Some(cooled) = cooled {
            let (family, cause) = (self.family.name.clone(), cooled.cause.name());
            self.gate.tell(Event::CooledDown { family, cause, wait: cooled.wait, window: cooled.window });
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_over {
            self.gate.0.fuse.forget_call();
            lock(&self.gate.0.refusals).forget_call(&self.call.model);
            self.give_back(End::Other);
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.figures()).finish()
    }
}

/// The models that share their limits: `haiku` of `claude-haiku-5-5`, and a model of another name by itself.
fn family(model: &str) -> String {
    let words = model.strip_prefix("claude-").map(|rest| rest.split('-'));
    let is_name = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase()) && !word.is_empty();
    words.and_then(|mut words| words.find(is_name)).unwrap_or(model).to_owned()
}

/// Of what every persona sends the same of: model and tools.
fn prefix(request: &MessageRequest) -> u64 {
    let tools = request.tools.digest(|all| {
        let mut hasher = DefaultHasher::new();
        for tool in all {
            hasher.write(tool.name.as_bytes());
            hasher.write(tool.description.as_bytes());
            hasher.write(tool.input_schema.to_string().as_bytes());
        }
        hasher.finish()
    });
    let mut hasher = DefaultHasher::new();
    hasher.write(request.model.as_bytes());
    hasher.write_u64(tools);
    hasher.finish()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_a_family_share_their_limits() {
        for (model, expected) in [
            ("claude-haiku-5-5", "haiku"),
            ("claude-3-5-haiku-20241022", "haiku"),
            ("claude-opus-4-6", "opus"),
            ("claude-5", "claude-5"),
            ("qwen3:8b", "qwen3:8b"),
        ] {
            assert_eq!(family(model), expected, "{model}");
        }
    }
}
