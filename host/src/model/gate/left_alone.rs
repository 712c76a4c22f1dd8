//! Models that are asked nothing for now, although Claude does its work.

use std::fmt;

use chrono::{DateTime, Utc};

use super::call::family;

/// Models that are asked nothing for now, although Claude does its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Which model, or which family of them.
    pub name: String,
    /// [`LeftAlone::COOLING`], [`LeftAlone::REFUSED`] or [`LeftAlone::TRIED`].
    pub state: &'static str,
    /// Until then, where that is known.
    pub until: Option<DateTime<Utc>>,
    /// In Claude's words.
    pub why: String,
}

impl LeftAlone {
    /// Claude asked for patience.
    pub const COOLING: &'static str = "cooling-down";
    /// This key has no such model.
    pub const REFUSED: &'static str = "refused";
    /// Somebody looks whether it has by now.
    pub const TRIED: &'static str = "tried";

    /// Whether who asks this model is meant.
    #[must_use]
    pub fn is_of(&self, model: &str) -> bool {
        match self.state {
            Self::COOLING => self.name == family(model),
            _ => self.name == model,
        }
    }
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, until, why } = self;
        let until = until.map(|until| format!(" before {}", until.format("%Y-%m-%d %H:%M:%S UTC")));
        let until = until.unwrap_or_else(|| " for now".to_owned());
        match *state {
            Self::COOLING => write!(f, "nothing is asked of the models of the family {name}{until}: {why}"),
            _ => write!(f, "nothing is asked of the model {name}{until}: {why}"),
        }
    }
}
