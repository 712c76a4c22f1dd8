//! Who is paused, and how the turns that run are told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::store::{Paused, Pauses};
use domain::ids::TurnId;

/// Who is paused, and how the turns that run are told.
#[derive(Clone, Debug)]
pub(super) struct Brakes(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// `runner.paused` said so, and nobody has resumed since.
    by_configuration: bool,
    pauses: Pauses,
    /// Whose turns are to begin no further step; nothing stands for everybody's.
    at_once: BTreeSet<Option<String>>,
    running: BTreeMap<TurnId, (String, CancellationToken)>,
}

/// The brake of a turn that runs, as long as this lives.
#[derive(Debug)]
pub(super) struct Brake {
    /// Says that no further step is to be begun.
    pub(super) stop: CancellationToken,
    turn: TurnId,
    brakes: Brakes,
}

/// Why somebody does not play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The configuration says that nobody does.
    Configured,
    /// Nobody does.
    OfAll(Paused),
    /// This persona does not.
    OfOne(Paused),
}

impl Pause {
    /// What lets personas play again.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OfOne(_) => "`persona-host resume --persona EMAIL` lets it go on",
            Self::Configured | Self::OfAll(_) => "`persona-host resume` goes on",
        }
    }

    /// Since when, where that is known.
    #[must_use]
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Configured => None,
            Self::OfAll(paused) | Self::OfOne(paused) => Some(paused.since),
        }
    }

    /// The same for programs.
    #[must_use]
    pub fn told(&self) -> PauseTold {
        PauseTold { since: self.since(), why: self.to_string(), hint: self.hint() }
    }
}

/// A pause, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PauseTold {
    /// Since when; null if the configuration says so.
    pub since: Option<DateTime<Utc>>,
    /// In words.
    pub why: String,
    /// What ends it.
    pub hint: &'static str,
}

/// How far a pause goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// No turn is begun or gone on with; those that run come to their end.
    NoNewTurn,
    /// Those that run begin no further step: no call is paid for any more. They go on after the pause, and that is no
    /// attempt.
    NoNewStep,
}

impl Brakes {
    pub(super) fn new(pauses: Pauses, by_configuration: bool) -> Self {
        let (at_once, running) = (BTreeSet::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(State { by_configuration, pauses, at_once, running })))
    }

    /// A brake for a turn that begins. Whoever was paused a moment ago gets one that is pulled.
    pub(super) fn of_turn(&self, turn: TurnId, email: &str, stop: CancellationToken) -> Brake {
        let mut state = self.lock();
        if [None, Some(email)].iter().any(|whom| state.at_once.contains(&whom.map(str::to_owned))) {
            stop.cancel();
        }
        state.running.insert(turn, (email.to_owned(), stop.clone()));
        drop(state);
        Brake { stop, turn, brakes: self.clone() }
    }

    /// From now on. Gives how many turns were told.
    pub(super) fn pull(&self, email: Option<&str>, reach: Reach, paused: &Paused) -> usize {
        let mut state = self.lock();
        match email {
            Some(email) => {
                state.pauses.personas.entry(email.to_owned()).or_insert_with(|| paused.clone());
            }
            None => drop(state.pauses.everybody.get_or_insert_with(|| paused.clone())),
        }
        if reach == Reach::NoNewTurn {
            return 0;
        }
        state.at_once.insert(email.map(str::to_owned));
        let meant = state
            .running
            .values()
            .filter(|(own, stop)| email.is_none_or(|email| email == own) && !stop.is_cancelled());
        meant.map(|(_, stop)| stop.cancel()).count()
    }

    pub(super) fn release(&self, email: Option<&str>) {
        let mut state = self.lock();
        state.at_once.remove(&email.map(str::to_owned));
        match email {
            Some(email) => drop(state.pauses.personas.remove(email)),
            None => (state.pauses.everybody, state.by_configuration) = (None, false),
        }
    }

    /// The configuration says otherwise than before.
    pub(super) fn configure(&self, paused: bool) {
        self.lock().by_configuration = paused;
    }

    pub(super) fn play_although_configured(&self) {
        self.lock().by_configuration = false;
    }

    /// Why nobody plays.
    pub(super) fn of_all(&self) -> Option<Pause> {
        self.lock().of_all()
    }

    /// Why nobody plays, or this persona does not.
    pub(super) fn of(&self, email: &str) -> Option<Pause> {
        let state = self.lock();
        state.of_all().or_else(|| state.pauses.personas.get(email).cloned().map(Pause::OfOne))
    }

    pub(super) fn pauses(&self) -> Pauses {
        self.lock().pauses.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of_all(&self) -> Option<Pause> {
        let configured = self.by_configuration.then_some(Pause::Configured);
        self.pauses.everybody.clone().map(Pause::OfAll).or(configured)
    }
}

impl Drop for Brake {
    fn drop(&mut self) {
        self.brakes.lock().running.remove(&self.turn);
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => write!(f, "all personas are paused by runner.paused (RUNNER_PAUSED)"),
            Self::OfAll(paused) => write!(f, "all personas are {paused}"),
            Self::OfOne(paused) => write!(f, "it is {paused}"),
        }
    }
}
