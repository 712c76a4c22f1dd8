//! How far a turn of the past goes as it went, and where it parts: values, for programs and for people.

use serde::Serialize;
use serde_json::Value;

use crate::behavior::CallError;
use domain::behavior::{FailureKind, Problem};
use domain::rating::Rating;

/// What comes of a turn of the past today.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// So many kept replies fit what would be asked today.
    pub rounds: u32,
    /// So many kept tool calls would be made or refused today as they were.
    pub calls: u32,
    /// The first place at which it goes another way.
    pub parting: Option<Parting>,
    /// The kept turn ended before it parted, and in a fault: why. What would come next nobody can say.
    pub breaks_off: Option<String>,
    /// The rating phase of the kept day.
    pub rating: Option<Rated>,
}

/// Where it parts from what was, and how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parting {
    /// Where.
    pub at: Place,
    /// In the main phase, which round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// How.
    #[serde(flatten)]
    pub why: Why,
}

/// A place of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The question that opens it.
    Opening,
    /// A reply, and what follows from it.
    Round,
    /// The question for the ratings.
    RatingQuestion,
}

/// How it parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Why {
    /// Claude would be asked something else.
    Request {
        /// In these points, in the order in which they are told.
        fields: Vec<Field>,
    },
    /// The plugin gives no question.
    NoQuestion {
        /// What it gives instead.
        no: No,
    },
    /// A call would end otherwise, so that Claude would be told something else.
    Call {
        /// The tool.
        tool: String,
        /// Its arguments.
        input: Value,
        /// What became of it.
        then: Fate,
        /// What becomes of it.
        now: Fate,
    },
    /// The day would be over, and was not.
    Over {
        /// Why it would be.
        because: String,
    },
    /// Claude would be asked once more, and was not.
    GoesOn {
        /// Why the day was over.
        because: String,
    },
}

/// What is different in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// `system`, `prompt`, `tools`, `model`, `max tokens`, `messages` or `reply schema`.
    pub field: &'static str,
    /// What was.
    pub then: String,
    /// What would be.
    pub now: String,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Fate {
    /// The tool is called.
    Made,
    /// It is not, and the model is told why.
    Refused {
        /// In these words.
        told: String,
    },
}

/// Why a plugin gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct No {
    /// In a word.
    pub code: &'static str,
    /// In a sentence.
    pub message: String,
    /// The turn should not take place, and nothing is wrong.
    pub skips: bool,
}

/// The rating phase of the kept day: what would be asked after it, and what would be read in the kept reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rated {
    /// It parted before: this takes the day for granted as it was kept.
    pub takes_the_day_for_granted: bool,
    /// The question.
    pub asked: Asked,
    /// The kept ratings, without markers.
    pub then: Vec<Rating>,
    /// Why there are none, if the turn ended before in a fault.
    pub then_failed: Option<String>,
    /// What is read in the kept reply; nothing if there is none.
    pub now: Option<Result<Vec<Rating>, No>>,
    /// What cannot be read in it.
    pub problems: Vec<Problem>,
}

/// The question for the ratings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Asked {
    /// As it was.
    Same,
    /// Another.
    Other {
        /// In these points.
        fields: Vec<Field>,
    },
    /// There is one now. Then the turn ended before.
    New,
    /// There is none.
    NoQuestion {
        /// What the plugin gives instead.
        no: No,
    },
}

impl Course {
    /// Whether anything is different from what was.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.parting.is_some()
            || self.rating.as_ref().is_some_and(|rated| rated.asked_otherwise() || !rated.reads_the_same())
    }
}

impl Rated {
    fn asked_otherwise(&self) -> bool {
        self.asked != Asked::Same
    }

    /// Whether the same ratings are read in the kept reply.
    #[must_use]
    pub fn reads_the_same(&self) -> bool {
        match &self.now {
            None => true,
            Some(Ok(now)) => *now == self.then,
            // A reply that cannot be read at all leaves no rating either.
            Some(Err(no)) => match &self.then_failed {
                None => no.code == "failure-output" && self.then.is_empty(),
                Some(_) => no.code != "failure-output",
            },
        }
    }
}

impl Field {
    /// The field, if the two are not the same.
    pub(super) fn of(field: &'static str, then: impl ToString, now: impl ToString) -> Option<Self> {
        let (then, now) = (then.to_string(), now.to_string());
        (then != now).then_some(Self { field, then, now })
    }
}

impl From<CallError> for No {
    fn from(error: CallError) -> Self {
        let skips = matches!(&error, CallError::Failed(failure) if failure.kind == FailureKind::Skip);
        Self { code: error.code(), message: error.to_string(), skips }
    }
}
