//! What the ledger has of a turn that is over: what was asked, and every answer. Nothing is made up for what it has not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::Said;
use crate::store::{KnownStep, Ledger, LedgerError, Recorded, Summary, Then, Unfinished};
use crate::turn::ask::said_in;
use domain::call::Called;
use domain::experiment::PhaseArm;
use domain::ids::TurnId;
use domain::step::StepKey;
use domain::stop;
use domain::transcript::{Opening, Phase};

/// A turn of the past.
#[derive(Debug)]
pub struct Past {
    /// Everything that is told of it.
    pub recorded: Recorded,
    /// What it was begun with.
    pub begun: Unfinished,
    /// What its main phase opened with.
    pub opening: Opening,
    /// What its rating phase opened with, if it came so far.
    pub rating: Option<Opening>,
    /// The reply with the ratings.
    pub reply: Option<String>,
    steps: BTreeMap<StepKey, KnownStep>,
}

/// Why a turn cannot be gone through again.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// There is none, or nobody can read it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It runs.
    #[error("turn {turn} is under way")]
    UnderWay {
        /// Which.
        turn: String,
    },
    /// It goes on, or begins anew, by itself.
    #[error("turn {turn} is not over: it is held until {}, and then {}", until.format("%Y-%m-%d %H:%M UTC"), then.words())]
    Held {
        /// Which.
        turn: String,
        /// The end of the hold.
        until: DateTime<Utc>,
        /// What it does then.
        then: Then,
    },
    /// It goes on when somebody says so.
    #[error("turn {turn} is not over: it is parked ({why})")]
    Parked {
        /// Which.
        turn: String,
        /// Why.
        why: String,
    },
    /// Its plugin let it out.
    #[error("nothing was asked in turn {turn}: it was left out ({why})")]
    LeftOut {
        /// Which.
        turn: String,
        /// Why.
        why: String,
    },
    /// It ended before its question.
    #[error("nothing was asked in turn {turn}: it ended before its question ({why})")]
    NotAsked {
        /// Which.
        turn: String,
        /// Why.
        why: String,
    },
    /// Its steps were removed.
    #[error("what was asked and answered in turn {turn} is gone since {}: it was older than store.keep", since.format("%Y-%m-%d"))]
    Pruned {
        /// Which.
        turn: String,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// An older version kept less.
    #[error(
        "turn {turn} is of an older version of persona-host, which did not keep what its plugin was given"
    )]
    TooOld {
        /// Which.
        turn: String,
    },
    /// A step cannot be read.
    #[error("the step {key} of turn {turn} cannot be read: {why}")]
    Damaged {
        /// Which.
        turn: String,
        /// Which step.
        key: StepKey,
        /// Why.
        why: String,
    },
}

impl Past {
    /// The turn whose id is, or begins with, `id`.
    ///
    /// # Errors
    /// When there is no such turn, it is not over, or not enough of it is kept.
    pub async fn read(ledger: &Ledger, id: &str) -> Result<Self, NotKept> {
        let recorded = ledger.show(id).await?;
        is_over(&recorded)?;
        let turn = recorded.summary.id.clone();
        let known = TurnId::parse(&turn).map_err(|_| NotKept::TooOld { turn: turn.clone() })?;
        let Some(begun) = ledger.unfinished(known).await? else { return Err(without_a_question(&recorded)) };
        let steps = ledger.known_steps(known).await?;
        let mut past =
            Self { recorded, begun, opening: Opening::default(), rating: None, reply: None, steps };
        let opening = past.result(&StepKey::opening(Phase::Main))?;
        past.opening = opening.ok_or(NotKept::TooOld { turn })?;
        past.rating = past.result(&StepKey::opening(Phase::Rating))?;
        past.reply = past.said(Phase::Rating, 1)?.map(|said| said.text());
        Ok(past)
    }

    /// What Claude replied in this round, if that is kept.
    pub(super) fn said(&self, phase: Phase, round: u32) -> Result<Option<Said>, NotKept> {
        let key = StepKey::model(phase, round);
        let kept = self.steps.get(&key).and_then(|step| step.result.as_deref());
        kept.map(said_in).transpose().map_err(|error| self.damaged(&key, &error))
    }

    /// How many messages Claude was sent in this round, if it was asked at all.
    pub(super) fn messages(&self, round: u32) -> Option<usize> {
        #[derive(Deserialize)]
        struct Intent {
            messages: usize,
        }
        let step = self.steps.get(&StepKey::model(Phase::Main, round))?;
        serde_json::from_str::<Intent>(&step.intent).ok().map(|intent| intent.messages)
    }

    /// What came of the call at this place, if that is kept.
    pub(super) fn called(&self, round: u32, at: usize) -> Result<Option<Called>, NotKept> {
        self.result(&StepKey::tool(round, at))
    }

    /// The fault that it ended in.
    pub(super) fn failed(&self) -> Option<String> {
        let Summary { state, fault_message, .. } = &self.recorded.summary;
        fault_message.clone().filter(|_| state == "faulted")
    }

    /// A script replied, and no model.
    #[must_use]
    pub fn is_scripted(&self) -> bool {
        let replies = self.recorded.steps.iter().filter_map(|step| step.result.as_ref()?["model"].as_str());
        replies.into_iter().any(PhaseArm::is_a_script)
    }

    /// How its main phase ended, in words.
    pub(super) fn ended(&self) -> String {
        let Summary { stop_reason, fault_message, fault_code, .. } = &self.recorded.summary;
        match stop_reason.as_deref().filter(|_| self.begun.day.is_some()) {
            Some(reason) => stop::unusual(reason).unwrap_or("the model was done").to_owned(),
            None => fault_message.as_ref().or(fault_code.as_ref()).cloned().unwrap_or_default(),
        }
    }

    fn result<T: DeserializeOwned>(&self, key: &StepKey) -> Result<Option<T>, NotKept> {
        // What a stage ended with instead of an answer is null.
        let kept = self.steps.get(key).and_then(|step| step.result.as_deref());
        let read = kept.map(serde_json::from_str::<Option<T>>).transpose();
        Ok(read.map_err(|error| self.damaged(key, &error))?.flatten())
    }

    fn damaged(&self, key: &StepKey, error: &serde_json::Error) -> NotKept {
        let (turn, why) = (self.recorded.summary.id.clone(), error.to_string());
        NotKept::Damaged { turn, key: key.clone(), why }
    }
}

fn is_over(recorded: &Recorded) -> Result<(), NotKept> {
    let Summary { id, state, held_until, parked_at, then, .. } = &recorded.summary;
    let turn = id.clone();
    if let Some(since) = recorded.pruned_at {
        return Err(NotKept::Pruned { turn, since });
    }
    match (state.as_str(), held_until, parked_at) {
        ("running", ..) => Err(NotKept::UnderWay { turn }),
        ("skipped", ..) => Err(NotKept::LeftOut { turn, why: why(&recorded.summary) }),
        (_, _, Some(_)) => Err(NotKept::Parked { turn, why: why(&recorded.summary) }),
        (_, Some(until), None) => {
            Err(NotKept::Held { turn, until: *until, then: then.unwrap_or(Then::BeginsAnew) })
        }
        _ => Ok(()),
    }
}

/// A turn of which the ledger has no question together with what it was composed of.
fn without_a_question(recorded: &Recorded) -> NotKept {
    let turn = recorded.summary.id.clone();
    match recorded.steps.is_empty() {
        true => NotKept::NotAsked { turn, why: why(&recorded.summary) },
        false => NotKept::TooOld { turn },
    }
}

fn why(turn: &Summary) -> String {
    let why = turn.fault_message.as_ref().or(turn.skip_reason.as_ref());
    why.cloned().unwrap_or_else(|| "for a reason that is not kept".to_owned())
}
