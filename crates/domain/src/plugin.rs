//! Words about plugins that several rooms share: who served a turn, and what an operator may choose.

use serde::{Deserialize, Serialize};

/// In what capacity a generation serves a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServedAs {
    /// The current one.
    Live,
    /// A new one, on trial with a share of the personas.
    Canary,
    /// An earlier good build, because the current one is quarantined.
    Previous,
    /// The embedded default behavior, because the current one is quarantined.
    BuiltIn,
}

impl ServedAs {
    /// The word in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Canary => "canary",
            Self::Previous => "previous",
            Self::BuiltIn => "built-in",
        }
    }
}

/// Who serves a turn in the place of a plugin that is quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// The last good build before it.
    Previous,
    /// The embedded default behavior, with its own default settings.
    BuiltIn,
}

/// What happens when a new build does worse than the live one on turns of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayPolicy {
    /// It is refused.
    Refuse,
    /// It goes live, and the difference is logged.
    Warn,
    /// Nothing is replayed.
    Off,
}

/// What is asked of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signatures {
    /// A plugin without a good signature is refused.
    Strict,
    /// A plugin without a signature is loaded with a warning; a bad signature is refused.
    Permissive,
    /// Nobody looks.
    Off,
}

/// How a new generation is tried before it serves everybody.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryPlan {
    /// The part of the personas that it serves meanwhile, above 0 and below 1.
    pub share: f64,
    /// How many clean turns it needs.
    pub clean_turns: u32,
}
