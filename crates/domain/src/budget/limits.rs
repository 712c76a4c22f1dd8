//! The most that may be spent, and on what.

use std::collections::BTreeMap;

use super::account::Account;
use crate::experiment::Experiment;
use crate::ids::StrategyName;
use crate::usage::NanoUsd;

/// The most that may be spent. What is not limited is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// In one turn, on whatever days it is played.
    pub turn: Option<NanoUsd>,
    /// On one persona in a day.
    pub persona_day: Option<NanoUsd>,
    /// On everything in a day.
    pub day: Option<NanoUsd>,
    /// Under a strategy in a day.
    pub strategies: BTreeMap<StrategyName, NanoUsd>,
    /// In an arm of an experiment (`experiment/arm`) in a day.
    pub arms: BTreeMap<String, NanoUsd>,
}

impl Limits {
    /// Nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// That of an account, if it has one.
    pub(super) fn of(&self, account: &Account) -> Option<NanoUsd> {
        match account {
            Account::Turn(_) => self.turn,
            Account::Persona(_) => self.persona_day,
            Account::Strategy(name) => self.strategies.get(name).copied(),
            Account::Arm(arm) => self.arms.get(arm).copied(),
            Account::Day => self.day,
        }
    }

    /// The limited arms that are none of these experiments', so that nothing counts for them: each in a sentence.
    #[must_use]
    pub fn of_no_arm<'a>(&self, experiments: impl IntoIterator<Item = &'a Experiment>) -> Vec<String> {
        let arms = |own: &Experiment| -> Vec<String> {
            own.arms.iter().map(|arm| format!("{}/{}", own.key(), arm.name)).collect()
        };
        let known: Vec<String> = experiments.into_iter().flat_map(arms).collect();
        let unknown = self.arms.keys().filter(|arm| !known.contains(arm));
        let there_is = if known.is_empty() { "no experiment".to_owned() } else { known.join(", ") };
        unknown
            .map(|arm| {
                format!(
                    "budget.arms limits {arm:?}, which is no arm of an experiment here; there is {there_is}"
                )
            })
            .collect()
    }
}
