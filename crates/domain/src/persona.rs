//! A persona as the directory describes it, and who is addressed by which strategy.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::ids::{PersonaId, Slot};

/// A synthetic user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Persona {
    /// The user id in mana-auth.
    pub id: PersonaId,
    /// The address it signs in with; also the message of its HMAC password.
    pub email: String,
    /// The kind of person, such as `adhd-student`.
    pub archetype: String,
    /// Who the persona is, in the second person.
    pub system_prompt: String,
    /// What it is inclined to use, in the order in which the directory gave it.
    pub module_mix: Vec<ModuleWeight>,
    /// How often it acts.
    pub cadence: Cadence,
    /// When mana-auth last saw actions of it.
    pub last_active_at: Option<DateTime<Utc>>,
}

impl Persona {
    /// The occasion for which this entry of the due list stands.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot::after(self.last_active_at)
    }
}

/// One entry of a module mix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModuleWeight {
    /// The module's name.
    pub module: String,
    /// Its relative weight, 0 or more.
    pub weight: f64,
}

/// How often a persona acts (contract 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cadence {
    /// Once an hour.
    Hourly,
    /// Once a day.
    Daily,
    /// Once a day from Monday to Friday.
    Weekdays,
}

impl Cadence {
    /// From one activity of a persona to the next (contract 4.1).
    #[must_use]
    pub fn period(self) -> TimeDelta {
        match self {
            Self::Hourly => TimeDelta::hours(1),
            Self::Daily | Self::Weekdays => TimeDelta::hours(24),
        }
    }
}
