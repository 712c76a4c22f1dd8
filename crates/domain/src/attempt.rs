//! How often a turn is tried, and what becomes of it after an attempt.

use chrono::{DateTime, Utc};

use super::fault::hold_after;
use super::turn_end::TurnEnd;

/// So often the program may end in the middle of a turn: a turn that ends the program each time must not go on
/// for ever.
pub const MOST_INTERRUPTIONS: u32 = 3;
/// So often a turn may fail.
pub const MOST_FAILURES: u32 = 5;

/// How the attempts of a turn have ended so far, since it was begun or somebody let it go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Attempts in whose middle the program ended.
    pub interruptions: u32,
    /// Attempts that failed for a reason of the turn's own.
    pub failures: u32,
    /// Attempts that prolong the hold: those that failed for whatever reason but an orderly stop.
    pub counted: u32,
}

/// What becomes of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequel {
    /// It has come to its end.
    Over,
    /// It goes on where it was left, but not before then.
    Again {
        /// The end of its hold.
        from: DateTime<Utc>,
    },
    /// It is set aside until somebody says that it is to go on.
    Parked,
}

impl Tried {
    /// The same after one more attempt, which ended so.
    #[must_use]
    pub fn and(self, end: &TurnEnd) -> Self {
        let Self { mut interruptions, mut failures, counted } = self;
        if let TurnEnd::Faulted(fault) = end {
            interruptions += u32::from(fault.is_interruption());
            failures += u32::from(fault.is_of_the_turn());
        }
        Self { interruptions, failures, counted: counted + u32::from(end.counts()) }
    }

    /// What becomes of the turn whose last attempt, counted here, ended so at `now`.
    #[must_use]
    pub fn sequel(self, end: &TurnEnd, now: DateTime<Utc>) -> Sequel {
        let again = |from| Sequel::Again { from };
        match end {
            TurnEnd::Completed | TurnEnd::Idle => Sequel::Over,
            TurnEnd::Skipped { .. } => again(end.held_until(now, self.counted.max(1))),
            TurnEnd::Faulted(fault) if fault.is_final() => Sequel::Over,
            TurnEnd::Faulted(fault) if fault.is_misfit() => Sequel::Parked,
            TurnEnd::Faulted(_) if self.is_spent() => Sequel::Parked,
            // Whatever stands against it (a stop, a breaker, a cool-down, a budget) holds it back itself.
            TurnEnd::Faulted(fault) if !fault.counts() => again(now),
            TurnEnd::Faulted(fault) if fault.is_interruption() => again(match self.interruptions {
                // The first is taken for a crash or a power failure that has nothing to do with the turn.
                0 | 1 => now,
                more => now + hold_after(more - 1),
            }),
            TurnEnd::Faulted(_) => again(end.held_until(now, self.counted.max(1))),
        }
    }

    fn is_spent(self) -> bool {
        self.interruptions >= MOST_INTERRUPTIONS || self.failures >= MOST_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::code::Code;
    use crate::fault::{Fault, Stage};
    use crate::upstream::Upstream;

    fn fault(code: Code) -> TurnEnd {
        TurnEnd::Faulted(Fault::new(Stage::ToolLoop, code, "it went wrong"))
    }

    fn after(ends: &[TurnEnd]) -> Sequel {
        let tried = ends.iter().fold(Tried::default(), |tried, end| tried.and(end));
        tried.sequel(ends.last().expect("a turn has an attempt"), now())
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    fn in_minutes(minutes: i64) -> Sequel {
        Sequel::Again { from: now() + TimeDelta::minutes(minutes) }
    }

    #[test]
    fn a_turn_goes_on_until_it_has_been_tried_often_enough() {
        let interrupted = TurnEnd::Faulted(Fault::interrupted());
        let stopped = TurnEnd::Faulted(Fault::stopping(Stage::ToolLoop));
        let of_all =
            TurnEnd::Faulted(Fault::new(Stage::SignIn, Code::ManaUnreachable, "no way").stopping_the_tick());
        let trap = TurnEnd::Faulted(Fault::new(Stage::Parse, Code::PluginTrap, "unreachable"));
        let early_trap = TurnEnd::Faulted(Fault::new(Stage::Compose, Code::PluginTrap, "unreachable"));
        let misfit = TurnEnd::Faulted(Fault::misfit(Stage::ToolLoop, "main/02 was another call"));
        let of_budget =
            TurnEnd::Faulted(Fault { excused: true, ..Fault::of_budget(Stage::ToolLoop, "no room") });
        let failed = || fault(Code::ClaudeOverloaded);
        let outage = Fault::new(Stage::ToolLoop, Code::ClaudeOverloaded, "Overloaded").of(Upstream::Claude);
        let outage = TurnEnd::Faulted(outage.not_before(Some(now() + TimeDelta::minutes(3))).excused());
        for (name, ends, sequel) in [
            ("done", vec![TurnEnd::Completed], Sequel::Over),
            ("a day without tools", vec![TurnEnd::Idle], Sequel::Over),
            ("one failure", vec![failed()], in_minutes(1)),
            ("two", vec![failed(), failed()], in_minutes(2)),
            ("five", vec![failed(), failed(), failed(), failed(), failed()], Sequel::Parked),
            ("a crash", vec![interrupted.clone()], in_minutes(0)),
            ("two", vec![interrupted.clone(), interrupted.clone()], in_minutes(1)),
            ("three", vec![interrupted.clone(); 3], Sequel::Parked),
            ("stops, however many", vec![stopped; 20], in_minutes(0)),
            ("what meets everybody", vec![of_all; 8], in_minutes(60)),
            ("outages that are nobody's fault, however many", vec![outage; 20], in_minutes(0)),
            ("a ledger that is away", vec![TurnEnd::Faulted(Fault::ledger_away()); 8], in_minutes(60)),
            ("the same build would break down again", vec![trap], Sequel::Over),
            ("nothing is paid for yet", vec![early_trap], in_minutes(1)),
            ("a journal of another program", vec![misfit], Sequel::Parked),
            ("no money today", vec![of_budget; 9], in_minutes(0)),
        ] {
            assert_eq!(after(&ends), sequel, "{name}");
        }
    }

    #[test]
    fn a_plugin_may_let_a_turn_out_as_often_as_it_likes() {
        let skipped = TurnEnd::Skipped { reason: "a holiday".to_owned(), until: None };
        assert_eq!(after(&vec![skipped; 9]), in_minutes(60));
    }
}
