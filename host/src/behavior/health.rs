//! Whether a generation can be trusted with turns: breakdowns in a row, quarantine, and the way back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use domain::fault::hold_after;

/// So many breakdowns of one function in a row put a generation into quarantine.
const STRIKES: u32 = 3;

/// A generation broke down too often and is kept from turns for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

/// Names the one turn that tries a generation in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// Whether a turn may have the generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// It may.
    Yes,
    /// It may, and is the trial: the others wait until it is over.
    OnTrial(Ticket),
    /// It may not.
    No(Quarantine),
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The turn can go on with it.
    Usable,
    /// Nothing can be done with it. It is no breakdown, and no sign of health.
    Unusable,
    /// It read nothing in a reply, which it may say. Whether it could have read another one is not known: that is no
    /// breakdown, and no sign of health either.
    ReadNothing,
    /// There was none.
    BrokeDown(String),
}

/// What a call changed about its generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turning {
    /// It is quarantined, or stays so for longer.
    Quarantined(Quarantine),
    /// It serves again.
    Recovered,
}

/// How a generation has done lately.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Breakdowns in a row, by function: one that composes well and cannot parse is ill all the same.
    strikes: BTreeMap<&'static str, u32>,
    pub(super) quarantine: Option<Quarantine>,
    trial: Option<Ticket>,
    tickets: u64,
}

impl Health {
    /// Whether a turn that begins now may have it.
    pub(super) fn allows(&mut self, now: DateTime<Utc>) -> Allowed {
        match &self.quarantine {
            None => Allowed::Yes,
            Some(quarantine) if quarantine.until > now || self.trial.is_some() => {
                Allowed::No(quarantine.clone())
            }
            Some(_) => {
                self.tickets += 1;
                self.trial = Some(Ticket(self.tickets));
                Allowed::OnTrial(Ticket(self.tickets))
            }
        }
    }

    /// The turn of this ticket is over. If it never came to the function in question (its persona could not sign in,
    /// say), there is no verdict, and the next turn is the trial.
    pub(super) fn release(&mut self, ticket: Ticket) {
        self.trial.take_if(|trial| *trial == ticket);
    }

    /// Books a call. While it is quarantined only the trial's calls count: all others began before.
    pub(super) fn called(
        &mut self,
        function: &'static str,
        answer: Answer,
        ticket: Option<Ticket>,
        now: DateTime<Utc>,
    ) -> Option<Turning> {
        if self.quarantine.is_some() && (ticket.is_none() || ticket != self.trial) {
            return None;
        }
        match answer {
            Answer::Unusable | Answer::ReadNothing => None,
            Answer::Usable => {
                self.strikes.remove(function);
                self.quarantine.take_if(|quarantine| quarantine.function == function)?;
                self.trial = None;
                Some(Turning::Recovered)
            }
            Answer::BrokeDown(cause) => self.broke_down(function, cause, now),
        }
    }

    fn broke_down(&mut self, function: &'static str, cause: String, now: DateTime<Utc>) -> Option<Turning> {
        let strikes = self.strikes.entry(function).or_default();
        *strikes += 1;
        if self.quarantine.is_none() && *strikes < STRIKES {
            return None;
        }
        let quarantine = match self.quarantine.take() {
            None => Quarantine { function, cause, since: now, until: now + hold_after(1), failed_trials: 0 },
            Some(before) => {
                let failed_trials = before.failed_trials + 1;
                let until = now + hold_after(failed_trials + 1);
                Quarantine { function, cause, until, failed_trials, ..before }
            }
        };
        self.trial = None;
        self.quarantine = Some(quarantine.clone());
        Some(Turning::Quarantined(quarantine))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const PARSE: &str = "parse-rating";
    const COMPOSE: &str = "compose-turn";

    fn minute(number: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(number)
    }

    fn breaks(
        health: &mut Health,
        function: &'static str,
        ticket: Option<Ticket>,
        now: i64,
    ) -> Option<Quarantine> {
        match health.called(function, Answer::BrokeDown("unreachable".to_owned()), ticket, minute(now)) {
            Some(Turning::Quarantined(quarantine)) => Some(quarantine),
            None => None,
            Some(Turning::Recovered) => panic!("a breakdown is no recovery"),
        }
    }

    fn answers(health: &mut Health, function: &'static str, ticket: Option<Ticket>) -> bool {
        health.called(function, Answer::Usable, ticket, minute(0)).is_some()
    }

    /// Ill since minute 0, because of `parse-rating`.
    fn ill() -> Health {
        let mut health = Health::default();
        for _ in 0..3 {
            breaks(&mut health, PARSE, None, 0);
        }
        health
    }

    /// The ticket of the turn that begins now, if that may have the generation as its trial.
    fn ticket(health: &mut Health, now: i64) -> Option<Ticket> {
        match health.allows(minute(now)) {
            Allowed::OnTrial(ticket) => Some(ticket),
            Allowed::No(_) => None,
            Allowed::Yes => panic!("it is not ill"),
        }
    }

    #[test]
    fn three_breakdowns_of_one_function_in_a_row_are_too_many() {
        let mut health = Health::default();
        assert_eq!(breaks(&mut health, PARSE, None, 0), None);
        assert_eq!(breaks(&mut health, COMPOSE, None, 0), None);
        assert_eq!(breaks(&mut health, PARSE, None, 0), None);
        answers(&mut health, COMPOSE, None);
        let quarantine = breaks(&mut health, PARSE, None, 0).expect("the third");
        assert_eq!((quarantine.cause.as_str(), quarantine.until), ("unreachable", minute(1)));
        assert_eq!(ticket(&mut health, 0), None);
    }

    #[test]
    fn a_success_between_them_forgives_and_an_answer_that_cannot_be_used_does_not() {
        let mut health = Health::default();
        for _ in 0..10 {
            breaks(&mut health, PARSE, None, 0);
            breaks(&mut health, PARSE, None, 0);
            answers(&mut health, PARSE, None);
        }
        assert_eq!(health.allows(minute(0)), Allowed::Yes);
        for _ in 0..2 {
            breaks(&mut health, PARSE, None, 0);
            health.called(PARSE, Answer::Unusable, None, minute(0));
            health.called(PARSE, Answer::ReadNothing, None, minute(0));
        }
        assert_eq!(health.allows(minute(0)), Allowed::Yes, "two");
        assert!(breaks(&mut health, PARSE, None, 0).is_some(), "and the third");
    }

    #[test]
    fn one_turn_tries_again_and_the_others_wait_for_it_however_long_it_takes() {
        let mut health = ill();
        let first = ticket(&mut health, 1).expect("the time is over");
        for now in [1, 2, 3, 500] {
            assert_eq!(ticket(&mut health, now), None, "one trial at a time, minute {now}");
        }
        health.release(first);
        let next = ticket(&mut health, 500).expect("the first one had no verdict: the next one");
        health.release(first);
        assert_eq!(ticket(&mut health, 500), None, "a turn that is long over takes nobody's place");
        assert!(answers(&mut health, PARSE, Some(next)));
        assert_eq!(health.allows(minute(500)), Allowed::Yes);
    }

    #[test]
    fn a_trial_that_goes_well_ends_it_and_one_that_does_not_doubles_it() {
        let mut health = ill();
        for (now, until) in [(1, 3), (3, 7), (7, 15), (200, 216)] {
            let own = ticket(&mut health, now);
            assert!(own.is_some(), "minute {now}");
            let prolonged = breaks(&mut health, PARSE, own, now).expect("it is told");
            assert_eq!(prolonged.until, minute(until));
        }
        let own = ticket(&mut health, 300);
        assert!(!answers(&mut health, COMPOSE, own), "that one never was the trouble");
        for nothing in [Answer::Unusable, Answer::ReadNothing] {
            assert_eq!(health.called(PARSE, nothing, own, minute(300)), None, "and that is no recovery");
        }
        assert!(answers(&mut health, PARSE, own));
        assert_eq!([health.allows(minute(300)), health.allows(minute(300))], [Allowed::Yes, Allowed::Yes]);
    }

    #[test]
    fn calls_that_were_under_way_when_it_began_neither_prolong_nor_end_it() {
        let mut health = ill();
        assert_eq!(breaks(&mut health, PARSE, None, 0), None);
        assert!(!answers(&mut health, PARSE, None));
        let own = ticket(&mut health, 1);
        assert_eq!(breaks(&mut health, PARSE, None, 1), None, "also while a trial is under way");
        assert!(answers(&mut health, PARSE, own));
    }
}
