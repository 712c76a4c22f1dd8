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

    /// The phase of a model call; nothing, if it is another step.
    #[must_use]
    pub fn phase_of_a_model_call(&self) -> Option<Phase> {
        let (phase, rest) = self.0.split_once('/')?;
        let is_a_call = rest.bytes().all(|byte| byte.is_ascii_digit());
        [Phase::Main, Phase::Rating].into_iter().find(|own| is_a_call && own.name() == phase)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_call_is_told_by_its_key() {
        for (key, phase) in [
            (StepKey::model(Phase::Main, 1), Some(Phase::Main)),
            (StepKey::model(Phase::Rating, 100), Some(Phase::Rating)),
            (StepKey::opening(Phase::Main), None),
            (StepKey::tool(1, 0), None),
            (StepKey::written("something".to_owned()), None),
        ] {
            assert_eq!(key.phase_of_a_model_call(), phase, "{key}");
        }
    }
}
