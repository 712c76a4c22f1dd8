//! Asks a plugin what a turn would ask it, in that order, and stops where a turn would.

use std::time::Duration;

use serde::Serialize;

use crate::behavior::{CallError, Called, Generation, LogLine};
use crate::workshop::{Answers, No, Sample};
use domain::behavior::{Problem, Severity};
use domain::strategy::Strategy;

/// What was answered, and what it cost.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The answers.
    pub(super) answers: Answers,
    /// Each call, in order.
    pub(super) calls: Vec<Cost>,
}

/// What one call cost, and what it left beside its answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    /// The function.
    pub(super) function: &'static str,
    /// The fuel used.
    pub(super) fuel: u64,
    /// Wall time.
    #[serde(rename = "tookMs", serialize_with = "milliseconds")]
    pub(super) took: Duration,
    /// The most memory that it had, in bytes.
    pub(super) memory: usize,
    /// The last lines that it logged.
    pub(super) log: Vec<LogLine>,
    /// How many lines before these were dropped.
    pub(super) log_dropped: u64,
    /// What the host found in the answer and put right.
    pub(super) put_right: Vec<Problem>,
    /// What to do, where there is no answer.
    pub(super) hint: Option<&'static str>,
}

impl Asked {
    /// The fuel of all calls.
    pub(super) fn fuel(&self) -> u64 {
        self.calls.iter().map(|call| call.fuel).sum()
    }

    /// Splits a call into its answer and its cost.
    fn note<T>(&mut self, called: Called<T>) -> Result<T, No> {
        self.answers.put_right.extend(called.problems.iter().cloned());
        self.calls.push(Cost::of(&called));
        called.result.map_err(|error| no(&error))
    }
}

impl Cost {
    /// The cost of a call.
    pub(super) fn of<T>(called: &Called<T>) -> Self {
        Self {
            function: called.function,
            fuel: called.fuel,
            took: called.took,
            memory: called.memory,
            log: called.log.clone(),
            log_dropped: called.log_dropped,
            put_right: called.problems.clone(),
            hint: called.result.as_ref().err().map(CallError::hint),
        }
    }
}

/// Asks for one turn.
pub(super) async fn ask(generation: &Generation, strategy: &Strategy, sample: &Sample) -> Asked {
    let Sample { persona, context, outcome, reply } = sample;
    let mut asked = Asked::default();
    let settings = generation.check_settings(strategy).await;
    let settings = asked.note(settings);
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    let refused = settings.as_ref().map_or(true, |problems| problems.iter().any(is_error));
    asked.answers.settings = Some(settings);
    if refused {
        return asked;
    }
    let turn = generation.compose_turn(strategy, persona, context).await;
    let turn = asked.note(turn);
    if asked.answers.turn.insert(turn).is_err() || outcome.modules_used.is_empty() {
        return asked;
    }
    let rating = generation.compose_rating(strategy, persona, context, outcome).await;
    let rating = asked.note(rating);
    if asked.answers.rating.insert(rating).is_err() {
        return asked;
    }
    let report = generation.parse_rating(strategy, persona, context, outcome, reply).await;
    asked.answers.report = Some(asked.note(report));
    asked
}

/// A call without an answer, as a case expects it.
pub(super) fn no(error: &CallError) -> No {
    let message = match error {
        CallError::Failed(failure) => failure.message.clone(),
        other => other.to_string(),
    };
    No { kind: error.code().trim_start_matches("failure-").to_owned(), message }
}

/// With two digits after the point, because most calls take less than one.
fn milliseconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 100_000.0).round() / 100.0)
}
