//! What an operator is told at the start: a plugin, or a strategy's settings, that cannot be used.

use crate::behavior::Refusal;
use domain::ids::StrategyName;

/// A plugin, or a strategy's settings, that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Complaint {
    /// A plugin's build was not let in.
    #[error(transparent)]
    Plugin(Refusal),
    /// The plugin does not take the settings.
    #[error("the settings of strategy {strategy} are refused: {why}")]
    Settings {
        /// Whose settings.
        strategy: StrategyName,
        /// Why.
        why: String,
    },
}

impl Complaint {
    /// Whether turns are the worse for it: nothing serves in the place of what is complained about.
    #[must_use]
    pub fn is_blocking(&self) -> bool {
        match self {
            Self::Plugin(refusal) => refusal.still_serving.is_none(),
            Self::Settings { .. } => true,
        }
    }
}
