//! One arm of one block of one persona, and what came of it: what every comparison is computed from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::experiment::ArmName;

/// One turn under one arm. A retry of a turn is the same observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// Whose turn it was.
    pub persona: String,
    /// The block, from 0. A block is every arm once for one persona.
    pub block: u32,
    /// The arm.
    pub arm: ArmName,
    /// Its place in the block, from 0, if known.
    pub order: Option<u32>,
    /// The phase in which it was played, from 1. Phases are never merged.
    pub phase: u32,
    /// How far it came.
    pub reached: Reached,
    /// The modules that were used, each with its rating, or without one where it is missing. Never a name that
    /// begins with `__`.
    pub modules: BTreeMap<String, Option<f64>>,
    /// Tool calls.
    pub actions: Option<u32>,
    /// Tool calls that came back with an error.
    pub failed_actions: Option<u32>,
    /// Model replies of the main phase.
    pub rounds: Option<u32>,
    /// The rating reply could not be read.
    pub unreadable: Option<bool>,
    /// The model refused.
    pub refused: Option<bool>,
    /// It ended in a fault.
    pub faulted: Option<bool>,
    /// Tokens of prompts and replies.
    pub tokens: Option<f64>,
    /// US dollars.
    pub cost: Option<f64>,
    /// Seconds.
    pub latency: Option<f64>,
    /// The persona's mean rating from before the experiment, if it has one.
    #[serde(default)]
    pub before: Option<f64>,
    /// A scripted Claude played it, whose ratings mean nothing; not known of rows from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<bool>,
    /// The turn's id in the ledger; none for rows from elsewhere that name none.
    #[serde(default)]
    pub turn: Option<String>,
}

/// How far a turn came. Each stage includes the ones before it, and each is counted per arm: a strategy that
/// loses turns on the way would otherwise be judged by those that it did not lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reached {
    /// It was given its arm.
    Assigned,
    /// The arm's prompt was composed: the persona was exposed to it.
    Started,
    /// It ended without a fault.
    Completed,
    /// It was asked for ratings and replied.
    Rated,
    /// At least one rating was read.
    Parsed,
}

impl Reached {
    /// Each stage in order.
    pub const ALL: [Self; 5] = [Self::Assigned, Self::Started, Self::Completed, Self::Rated, Self::Parsed];

    /// The word in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Rated => "rated",
            Self::Parsed => "parsed",
        }
    }
}
