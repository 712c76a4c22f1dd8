//! For the tests: a life that is told in words, and what is done in it, in words too.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Build, Choice, Does, Happens, InPlace, Lasts, LeftOut, Life, Unfit, Verdict};
use crate::behavior::health::{Answer, Ticket, Turning};
use crate::behavior::record::Occasion;
use domain::ids::{GenerationNumber, PersonaId, Sha256Hex, StrategyName};
use domain::plugin::CanaryPlan;

pub(super) const PARSE: &str = "parse-rating";
/// Everybody, for two clean turns.
pub(super) const PLAN: CanaryPlan = CanaryPlan { share: 1.0, clean_turns: 2 };

/// A life, told in words.
#[derive(Default)]
pub(super) struct Story {
    pub(super) life: Life,
    pub(super) numbers: u64,
    pub(super) minutes: i64,
    pub(super) ticket: Option<Ticket>,
}

pub(super) fn sha256(letter: &str) -> Sha256Hex {
    Sha256Hex::of(letter.as_bytes())
}

pub(super) fn all(letters: &str) -> Vec<Sha256Hex> {
    letters.chars().map(|letter| sha256(&letter.to_string())).collect()
}

pub(super) fn letter(wanted: &Sha256Hex) -> &'static str {
    ["A", "B", "C", "D"].into_iter().find(|letter| sha256(letter) == *wanted).expect("it is one of these")
}

pub(super) fn own() -> StrategyName {
    StrategyName::new("own")
}

/// `own` is left out, for good or for now.
pub(super) fn without_own(is_passing: bool) -> LeftOut {
    BTreeMap::from([(own(), Unfit { said: "no".to_owned(), is_passing })])
}

impl Story {
    pub(super) fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(self.minutes)
    }

    /// A build that takes every strategy, or leaves `own` out.
    pub(super) fn build(&mut self, letter: &str, takes_own: bool) -> Build {
        let left_out = if takes_own { LeftOut::new() } else { without_own(false) };
        self.build_without(letter, left_out)
    }

    fn build_without(&mut self, letter: &str, left_out: LeftOut) -> Build {
        self.numbers += 1;
        Build { number: GenerationNumber(self.numbers), sha256: sha256(letter), left_out }
    }

    pub(super) fn tell(&mut self, words: &str) -> String {
        let (verb, what) = words.split_once(' ').unwrap_or((words, ""));
        let found = |occasion| Happens::Found { sha256: sha256(what), occasion };
        let refused = |lasts| Happens::Refused { sha256: Some(sha256(what)), lasts, of_file: true };
        let judged =
            |verdict| Happens::Judged { number: GenerationNumber(what.parse().expect("a number")), verdict };
        let happens = match verb {
            "start" => found(Occasion::Start),
            "file" => found(Occasion::File),
            "reload" => found(Occasion::Reload),
            "gone" => Happens::Gone,
            "admit" | "restore" | "back" => {
                let occasion = match verb {
                    "restore" => Occasion::Start,
                    "back" => Occasion::Rollback,
                    _ => Occasion::File,
                };
                Happens::Admitted { build: self.build(what, true), occasion, plan: None }
            }
            "admit-partly" => {
                Happens::Admitted { build: self.build(what, false), occasion: Occasion::Start, plan: None }
            }
            "admit-slowly" => {
                let build = self.build_without(what, without_own(true));
                Happens::Admitted { build, occasion: Occasion::Start, plan: None }
            }
            "takes-own" | "refuses-own" | "still-slow" => {
                let number = GenerationNumber(what.parse().expect("a number"));
                let left_out = match verb {
                    "takes-own" => LeftOut::new(),
                    _ => without_own(verb == "still-slow"),
                };
                Happens::AskedAgain { number, left_out }
            }
            "try" => Happens::Admitted {
                build: self.build(what, true),
                occasion: Occasion::File,
                plan: Some(PLAN),
            },
            "try-partly" => Happens::Admitted {
                build: self.build(what, false),
                occasion: Occasion::File,
                plan: Some(PLAN),
            },
            "refuse" => refused(Lasts::ForTheBytes),
            "time-out" => refused(Lasts::AWhile),
            "distrust" => refused(Lasts::UntilItLooksDifferent),
            "unreadable" => Happens::Refused { sha256: None, lasts: Lasts::AWhile, of_file: true },
            "rollback" => Happens::RolledBack,
            "kept" => {
                let (kept, set_aside) = what.split_once(" aside ").unwrap_or((what, ""));
                Happens::Indexed { kept: all(kept), set_aside: all(set_aside) }
            }
            "clean" => judged(Verdict::Clean),
            "nothing-read" => judged(Verdict::Unreadable),
            "no-use" => judged(Verdict::Unusable),
            "broke" => judged(Verdict::BrokeDown),
            "stand-in" => Happens::StandsIn(self.build(what, true)),
            "no-stand-in" => Happens::NoneStandsIn(match what {
                "for-now" => Lasts::AWhile,
                _ => Lasts::ForTheBytes,
            }),
            "trap" | "answer" => Happens::Called {
                number: GenerationNumber(what.parse().expect("a number")),
                function: PARSE,
                answer: if verb == "trap" { Answer::BrokeDown("trap".to_owned()) } else { Answer::Usable },
                ticket: self.ticket,
            },
            "minutes" => {
                self.minutes += what.parse::<i64>().expect("a number");
                return String::new();
            }
            "turn" => return self.turn(what),
            "in-place" => return self.in_place(),
            "to-ask" => {
                let names = self.life.to_ask_again(self.now());
                return names.iter().map(StrategyName::as_str).collect::<Vec<_>>().join(", ");
            }
            "due-again" => return self.life.is_due_again(self.now()).to_string(),
            _ => panic!("{words}"),
        };
        let does = self.life.after(happens, self.now());
        does.iter().map(said).collect::<Vec<_>>().join(", ")
    }

    /// What a turn gets under this strategy.
    pub(super) fn turn(&mut self, strategy: &str) -> String {
        self.turn_of("anna", strategy)
    }

    pub(super) fn turn_of(&mut self, who: &str, strategy: &str) -> String {
        let now = self.now();
        match self.life.choose(&StrategyName::new(strategy), &PersonaId::new(who), now) {
            Choice::Live(number, ticket) => {
                self.ticket = ticket.or(self.ticket);
                format!("{}{number}", if ticket.is_some() { "tries " } else { "" })
            }
            Choice::Trial(number) => format!("on trial {number}"),
            Choice::LeftOut(_) => "left out".to_owned(),
            Choice::Quarantined(_) => "quarantined".to_owned(),
            Choice::Nothing => "nothing".to_owned(),
        }
    }

    pub(super) fn in_place(&mut self) -> String {
        match self.life.in_place(self.now()) {
            InPlace::Serves(number, _) => number.to_string(),
            InPlace::Load(kept) => format!("load {}", kept.iter().map(letter).collect::<String>()),
            InPlace::Nothing => "nothing".to_owned(),
        }
    }
}

pub(super) fn said(does: &Does) -> String {
    match does {
        Does::Load => "load".to_owned(),
        Does::LoadKept(kept) => format!("load kept {}", kept.iter().map(letter).collect::<String>()),
        Does::Serves(number) => format!("serves {number}"),
        Does::Knows { refused: true } => "refused before".to_owned(),
        Does::Knows { refused: false } => "known".to_owned(),
        Does::GoesLive(number) => format!("live {number}"),
        Does::GoesOnTrial(number) => format!("on trial {number}"),
        Does::Retires(number) => format!("retire {number}"),
        Does::Withdraws(why) => format!("withdrawn: {why}"),
        Does::StandsIn(number) => format!("stands in {number}"),
        Does::Keeps(number) => format!("keep {number}"),
        Does::SetsAside(sha256) => format!("set aside {}", letter(sha256)),
        Does::TakesBack(sha256) => format!("take back {}", letter(sha256)),
        Does::Orphans(true) => "orphaned".to_owned(),
        Does::Orphans(false) => "there again".to_owned(),
        Does::Turns(Turning::Quarantined(_)) => "quarantine".to_owned(),
        Does::Turns(Turning::Recovered) => "recovered".to_owned(),
    }
}
