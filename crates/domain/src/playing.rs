//! Who plays a turn, and under which name: what is fixed when it is assigned, to its end.

use serde::Serialize;

use super::ids::{GenerationNumber, PluginName, Sha256Hex, StrategyName};
use super::plugin::ServedAs;

/// Who plays a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Playing {
    /// The strategy.
    pub strategy: StrategyName,
    /// The experiment and its arm, as `experiment/arm`, if the turn is part of one.
    pub arm: Option<String>,
    /// The plugin that serves it.
    pub plugin: PluginName,
    /// Its generation.
    pub generation: GenerationNumber,
    /// Its digest.
    pub sha256: Sha256Hex,
    /// In what capacity it serves.
    pub served_as: ServedAs,
    /// The model that is asked.
    pub model: String,
}
