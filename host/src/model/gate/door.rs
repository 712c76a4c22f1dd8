//! The gate itself: who came first leaves first, when breaker, limits and places let it.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::{Instant, sleep_until};

use super::call::{Call, family};
use super::inside::{Family, Figures, Inside, lock};
use super::lane::Verdict;
use super::left_alone::LeftAlone;
use super::levels::Need;
use super::pass::Pass;
use super::prefix::Prefixes;
use crate::breaker::{Away, Fuse, Standing, Traveller};
use crate::jitter::jitter;
use domain::event::Event;
use domain::upstream::Upstream;

/// The gate of a process. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inside>);

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

impl Gate {
    /// A gate for at most so many calls of a family at once, which tells what others may want to know.
    #[must_use]
    pub fn new(most: usize, fuse: Fuse, tell: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inside {
            since: Instant::now(),
            most: AtomicUsize::new(most),
            fuse,
            families: Mutex::default(),
            prefixes: Prefixes::default(),
            refusals: Mutex::default(),
            allowance: Mutex::default(),
            tell: Box::new(tell),
        }))
    }

    /// So many calls of a family at once from now on.
    pub fn set_most(&self, most: usize) {
        self.0.most.store(most, Ordering::Relaxed);
        for family in lock(&self.0.families).values() {
            lock(&family.lane).set_most(most);
        }
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
        let family = self.0.family(&call.family);
        let ahead = match call.prefix {
            Some(prefix) => self.0.prefixes.enter(prefix).await,
            None => None,
        };
        let need = {
            // Who came first leaves first.
            let _first = family.line.lock().await;
            self.leave(&family, call, patience).await?
        };
        let pass = Pass::of(Arc::clone(&self.0), family, call.clone(), need, ahead);
        // Looked at now: who went ahead may have shown it. Where another call tries it, that one is not to be forgotten.
        let (away, by_all) = match self.0.fuse.admit_call() {
            Err(away) => (away, true),
            Ok(()) => {
                let now = self.0.fuse.now();
                let Err(away) = lock(&self.0.refusals).admit(&call.model, Traveller::Call, now) else {
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
        self.0.figures()
    }

    /// The time of day after such a wait.
    fn after(&self, wait: Duration) -> DateTime<Utc> {
        let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        self.0.fuse.now() + TimeDelta::milliseconds(wait.into())
    }
}
