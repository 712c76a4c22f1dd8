//! How parts of an event are told as JSON: no prompt, no reply, and no word of a plugin about them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::ser::{SerializeSeq as _, Serializer};

use crate::fault::{Fault, Stage};
use crate::rating::Rating;
use crate::turn_end::TurnEnd;
use crate::usage::{Cost, NanoUsd};

/// A span in milliseconds.
pub(super) fn millis<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// Money in US dollars.
pub(super) fn dollars<S: Serializer>(cost: &Cost, to: S) -> Result<S::Ok, S::Error> {
    cost.map(NanoUsd::dollars).serialize(to)
}

/// What a persona adds to its scores is a reply's text.
pub(super) fn scores<S: Serializer>(ratings: &[Rating], to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Scored<'a> {
        module: &'a str,
        score: u8,
    }
    let mut all = to.serialize_seq(Some(ratings.len()))?;
    for Rating { module, score, .. } in ratings {
        all.serialize_element(&Scored { module, score: score.get() })?;
    }
    all.end()
}

/// What stands for the words of a plugin, which may quote prompts and replies.
const IN_THE_TURN: &str = "its plugin says why: `persona-host turns show` has its words";

/// How a turn ended, in the words of the API.
pub(super) fn ended<S: Serializer>(end: &TurnEnd, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Ended<'a> {
        state: &'static str,
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        fault: Option<Failed<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    }
    #[derive(Serialize)]
    struct Failed<'a> {
        stage: Stage,
        code: &'a str,
        message: &'a str,
        hint: Option<&'a str>,
    }
    let (fault, reason, until) = match end {
        TurnEnd::Faulted(fault) => {
            let Fault { stage, code, message, hint, not_before, .. } = fault;
            let message = if fault.is_in_words_of_a_plugin() { IN_THE_TURN } else { message };
            (Some(Failed { stage: *stage, code, message, hint: hint.as_deref() }), None, *not_before)
        }
        // Without a time it is its plugin that says so.
        TurnEnd::Skipped { until: None, .. } => (None, Some(IN_THE_TURN), None),
        TurnEnd::Skipped { reason, until } => (None, Some(reason.as_str()), *until),
        TurnEnd::Completed | TurnEnd::Idle => (None, None, None),
    };
    Ended { state: end.name(), fault, reason, until }.serialize(to)
}
