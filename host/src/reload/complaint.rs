//! What an operator is told at the start: a plugin, or a strategy's settings, that cannot be used, or not yet.

use crate::behavior::Refusal;
use domain::ids::{PluginName, StrategyName};

/// A plugin, or a strategy's settings, that cannot be used, or not yet.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Complaint {
    /// A plugin's build was not let in.
    #[error(transparent)]
    Plugin(Refusal),
    /// A plugin's file takes longer than the start waits for it. It is loaded beside what runs.
    #[error(
        "plugin \"{plugin}\" is not loaded yet ({}): its file takes longer than a start waits. It goes on; the log tells \
         when the build is loaded or refused, and so does `persona-host plugin list`",
        meanwhile(still_serving.as_deref())
    )]
    Unready {
        /// Which plugin.
        plugin: PluginName,
        /// What serves meanwhile, such as `1.3.0, generation 4`.
        still_serving: Option<String>,
    },
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
            Self::Unready { still_serving, .. } => still_serving.is_none(),
            Self::Settings { .. } => true,
        }
    }
}

fn meanwhile(still_serving: Option<&str>) -> String {
    still_serving.map_or_else(
        || "turns of its strategies fault until it is".to_owned(),
        |serving| format!("still serving {serving}"),
    )
}
