//! Whether a generation can be trusted with turns: breakdowns in a row, quarantine, and the way back.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use domain::fault::hold_after;

/// So many breakdowns of one function in a row put a generation into quarantine.
const STRIKES: u32 = 3;
/// A trial whose turn never came to the plugin (its persona could not sign in, say) has no verdict;
/// after this time the next turn is the trial.
const TRIAL: TimeDelta = TimeDelta::minutes(1);

/// A generation broke down too often and is kept from turns for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Quarantine {
    /// The function that broke down.
    pub function: &'static str,
    /// In what way, the last time.
    pub cause: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When one turn tries it again.
    pub until: DateTime<Utc>,
    /// How often it has broken down in its trials.
    pub failed_trials: u32,
}

/// Whether a turn may have the generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// It may. In quarantine: this turn is the trial.
    Yes,
    /// It may not.
    No(Quarantine),
}

/// How a generation has done lately.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Breakdowns in a row, by function: one that composes well and cannot parse is ill all the same.
    strikes: BTreeMap<&'static str, u32>,
    pub(super) quarantine: Option<Quarantine>,
}

impl Health {
    /// Whether a turn that begins now may have it.
    pub(super) fn allows(&mut self, now: DateTime<Utc>) -> Allowed {
        match &mut self.quarantine {
            None => Allowed::Yes,
            Some(quarantine) if quarantine.until <= now => {
                quarantine.until = now + TRIAL;
                Allowed::Yes
            }
            Some(quarantine) => Allowed::No(quarantine.clone()),
        }
    }

    /// A call was answered. Gives whether that ended a quarantine.
    pub(super) fn succeeded(&mut self, function: &'static str) -> bool {
        self.strikes.remove(function);
        self.quarantine.take_if(|quarantine| quarantine.function == function).is_some()
    }

    /// A call broke down. Gives the quarantine that this begins or prolongs.
    pub(super) fn broke_down(
        &mut self,
        function: &'static str,
        cause: &str,
        now: DateTime<Utc>,
    ) -> Option<&Quarantine> {
        let strikes = self.strikes.entry(function).or_default();
        *strikes += 1;
        match &mut self.quarantine {
            // It began before the quarantine did, and says nothing new.
            Some(quarantine) if now < quarantine.since + TRIAL => return None,
            Some(quarantine) => {
                quarantine.failed_trials += 1;
                quarantine.until = now + hold_after(quarantine.failed_trials + 1);
                quarantine.function = function;
                cause.clone_into(&mut quarantine.cause);
            }
            None if *strikes < STRIKES => return None,
            None => {
                let (cause, until) = (cause.to_owned(), now + hold_after(1));
                self.quarantine = Some(Quarantine { function, cause, since: now, until, failed_trials: 0 });
            }
        }
        self.quarantine.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(number)
    }

    /// Ill since minute 0, because of `parse-rating`.
    fn ill() -> Health {
        let mut health = Health::default();
        for _ in 0..3 {
            health.broke_down("parse-rating", "unreachable", minute(0));
        }
        health
    }

    fn allows(health: &mut Health, now: i64) -> bool {
        health.allows(minute(now)) == Allowed::Yes
    }

    #[test]
    fn three_breakdowns_of_one_function_in_a_row_are_too_many() {
        let mut health = Health::default();
        assert_eq!(health.broke_down("parse-rating", "unreachable", minute(0)), None);
        assert_eq!(health.broke_down("compose-turn", "unreachable", minute(0)), None);
        assert_eq!(health.broke_down("parse-rating", "unreachable", minute(0)), None);
        health.succeeded("compose-turn");
        let quarantine = health.broke_down("parse-rating", "out of fuel", minute(0)).expect("the third");
        assert_eq!((quarantine.cause.as_str(), quarantine.until), ("out of fuel", minute(1)));
        assert!(!allows(&mut health, 0));
    }

    #[test]
    fn a_success_between_them_forgives() {
        let mut health = Health::default();
        for _ in 0..10 {
            health.broke_down("parse-rating", "unreachable", minute(0));
            health.broke_down("parse-rating", "unreachable", minute(0));
            health.succeeded("parse-rating");
        }
        assert!(allows(&mut health, 0));
    }

    #[test]
    fn after_a_while_one_turn_tries_again_and_the_others_wait_for_it() {
        let mut health = ill();
        assert!(allows(&mut health, 1));
        assert!(!allows(&mut health, 1), "one trial at a time");
        assert!(allows(&mut health, 2), "the trial has no verdict: the next one");
    }

    #[test]
    fn a_trial_that_goes_well_ends_it_and_one_that_does_not_doubles_it() {
        let mut health = ill();
        for (now, until) in [(1, 3), (3, 7), (7, 15), (200, 216)] {
            assert!(allows(&mut health, now));
            let prolonged = health.broke_down("parse-rating", "again", minute(now)).expect("it is told");
            assert_eq!(prolonged.until, minute(until));
        }
        assert!(allows(&mut health, 300));
        assert!(!health.succeeded("compose-turn"), "that one never was the trouble");
        assert!(health.succeeded("parse-rating"));
        assert!(allows(&mut health, 300) && allows(&mut health, 300));
    }

    #[test]
    fn calls_that_were_under_way_when_it_began_do_not_prolong_it() {
        let mut health = ill();
        assert_eq!(health.broke_down("parse-rating", "too", minute(0)), None);
        assert!(allows(&mut health, 1));
    }
}
