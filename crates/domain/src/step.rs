//! Steps of a turn: what is done once and never again, however often the turn is gone on with.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::transcript::Phase;

/// Which step of a turn: what opened a phase, a model call, or a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepKey(String);

impl StepKey {
    /// What a phase opened with: no call of its own, but the first thing a reader wants to see.
    #[must_use]
    pub fn opening(phase: Phase) -> Self {
        Self(format!("{}/opening", phase.name()))
    }

    /// A model call.
    #[must_use]
    pub fn model(phase: Phase, round: u32) -> Self {
        Self(format!("{}/{round:02}", phase.name()))
    }

    /// A tool call, by its position among all of the turn: ids are the model's own, and may be anything.
    #[must_use]
    pub fn tool(round: u32, position: usize) -> Self {
        Self(format!("{}/{round:02}/{position:03}", Phase::Main.name()))
    }

    /// A key as it was written down.
    #[must_use]
    pub fn written(text: String) -> Self {
        Self(text)
    }

    /// The key as it is written down.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
