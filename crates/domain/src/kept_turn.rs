//! A turn of the past with everything that its plugin was given, so that another build can be asked the
//! same.

use serde::Serialize;

use super::behavior::{TurnContext, TurnOutcome};
use super::ids::{Sha256Hex, StrategyName};
use super::persona::Persona;
use super::rating::Rating;

/// A turn of the past: inputs of the plugin, and what its plugin made of them then.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptTurn {
    /// The turn's id.
    pub turn: String,
    /// The strategy that it was under.
    pub strategy: StrategyName,
    /// The build that served it.
    pub plugin_sha256: Sha256Hex,
    /// Whose turn it was, as the plugin saw it.
    pub persona: Persona,
    /// What the plugin was given.
    pub context: TurnContext,
    /// The question that opened the turn.
    pub asked: Option<Question>,
    /// What came of it; none if the turn did not come so far.
    pub outcome: Option<TurnOutcome>,
    /// The question for the ratings.
    pub rating_asked: Option<Question>,
    /// What the model replied to that.
    pub reply: Option<String>,
    /// What was read in it, without markers.
    pub ratings: Vec<Rating>,
}

/// A prompt as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Question {
    /// The system prompt.
    pub system: String,
    /// The user message.
    pub user: String,
}
