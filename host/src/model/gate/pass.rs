//! Leave to send one request, and what its end says of the limits, the model and Claude.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::call::Call;
use super::inside::{Family, Inside, lock};
use super::lane::{Cause, End};
use super::levels::{Levels, Need};
use super::prefix::Ahead;
use crate::jitter::jitter;
use domain::event::Event;
use domain::usage::Usage;

/// Leave to send one request. Whoever drops it has not heard of it again.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Inside>,
    family: Arc<Family>,
    call: Call,
    need: Need,
    is_heard: bool,
    is_over: bool,
    ahead: Option<Ahead>,
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

impl Pass {
    pub(super) fn of(
        gate: Arc<Inside>,
        family: Arc<Family>,
        call: Call,
        need: Need,
        ahead: Option<Ahead>,
    ) -> Self {
        Self { gate, family, call, need, is_heard: false, is_over: false, ahead }
    }

    /// An answer begins, whatever it says; its headers tell of the limits.
    pub fn hear(&mut self, headers: &HeaderMap) {
        let levels = Levels::of(headers, self.gate.since.elapsed());
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
        let fuse = &self.gate.fuse;
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
        let (model, now) = (self.call.model.as_str(), self.gate.fuse.now());
        let told = |state, until, why: &str| {
            (self.gate.tell)(Event::ModelChanged {
                model: model.to_owned(),
                state,
                until,
                why: why.to_owned(),
            });
        };
        let refusals = || lock(&self.gate.refusals);
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
            self.gate.prefixes.is_not_kept(prefix);
        }
    }

    /// It was let out by the family, and not by the breaker.
    pub(super) fn end_unsent(mut self) {
        self.give_back(End::Other);
    }

    fn give_back(&mut self, end: End) {
        self.is_over = true;
        let cooled = {
            let mut lane = lock(&self.family.lane);
            if !self.is_heard {
                lane.take_back(self.need);
            }
            lane.end(end, self.gate.since.elapsed(), jitter())
        };
        self.family.changed.notify_waiters();
        if let Some(cooled) = cooled {
            let (family, cause) = (self.family.name.clone(), cooled.cause.name());
            (self.gate.tell)(Event::CooledDown { family, cause, wait: cooled.wait, window: cooled.window });
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_over {
            self.gate.fuse.forget_call();
            lock(&self.gate.refusals).forget_call(&self.call.model);
            self.give_back(End::Other);
        }
    }
}
