//! A build that turns get: how it does, and when it is asked again about strategies that it left out for now.

use chrono::{DateTime, Utc};

use super::retry::Retry;
use super::words::{Build, LeftOut};
use crate::behavior::health::Health;
use domain::ids::StrategyName;

/// A build that turns get.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) build: Build,
    pub(super) health: Health,
    again: Retry,
}

/// What stands in for a live build in quarantine.
#[derive(Debug, Default)]
pub(super) enum StandIn {
    #[default]
    Unknown,
    Serves(Serving),
    /// None of the kept builds could be loaded.
    Nothing(Retry),
}

impl Serving {
    pub(super) fn new(build: Build, now: DateTime<Utc>) -> Self {
        let mut serving = Self { build, health: Health::default(), again: Retry::default() };
        serving.wait(now);
        serving
    }

    /// The strategies that it is to be asked about again: what spoke against them may be over.
    pub(super) fn to_ask_again(&self, now: DateTime<Utc>) -> Vec<StrategyName> {
        let left_out = self.build.left_out.iter().filter(|(_, unfit)| unfit.is_passing);
        left_out.filter(|_| self.again.is_due(now)).map(|(strategy, _)| strategy.clone()).collect()
    }

    /// It was asked again about all of these, and still leaves these out.
    pub(super) fn asked_again(&mut self, left_out: LeftOut, now: DateTime<Utc>) {
        self.build.left_out.retain(|_, unfit| !unfit.is_passing);
        self.build.left_out.extend(left_out);
        self.wait(now);
    }

    fn wait(&mut self, now: DateTime<Utc>) {
        if self.build.left_out.values().any(|unfit| unfit.is_passing) {
            self.again.after_failure(now);
        }
    }
}
