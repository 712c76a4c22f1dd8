//! The words for how a turn stands and how an attempt of it ended. Commands, the API, the metrics and the documentation
//! tell these and no others.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is under way.
    Running,
    /// It is over: actions and ratings are kept.
    Completed,
    /// It is over: no tool was used, so there was nothing to rate.
    Idle,
    /// Its plugin let it out, or is quarantined.
    Skipped,
    /// A stage failed.
    Faulted,
    /// Nothing failed: a stop, a pause, a wait for everybody or a budget ended the attempt.
    Stopped,
    /// A hold keeps it back.
    Held,
    /// Its persona, or everybody, is paused.
    Paused,
    /// It waits for somebody.
    Parked,
}

impl State {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Running,
        Self::Completed,
        Self::Idle,
        Self::Skipped,
        Self::Faulted,
        Self::Stopped,
        Self::Held,
        Self::Paused,
        Self::Parked,
    ];

    /// How an attempt may end: the `outcome` of turns and attempts in the API, and that of the metrics.
    pub const OUTCOMES: [Self; 5] =
        [Self::Completed, Self::Idle, Self::Skipped, Self::Faulted, Self::Stopped];

    /// The names of all.
    pub const NAMES: [&'static str; 9] =
        ["running", "completed", "idle", "skipped", "faulted", "stopped", "held", "paused", "parked"];

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Idle => "idle",
            Self::Skipped => "skipped",
            Self::Faulted => "faulted",
            Self::Stopped => "stopped",
            Self::Held => "held",
            Self::Paused => "paused",
            Self::Parked => "parked",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// What it means for a turn, and what comes next.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Running => "an attempt is under way",
            Self::Completed => "over: actions and ratings are kept",
            Self::Idle => "over: no tool was used, so there was nothing to rate",
            Self::Skipped => "over: its plugin let it out, and the next turn of its persona has begun",
            Self::Faulted => "over: its last attempt failed, and no other is made",
            Self::Stopped => {
                "nothing failed: a stop, a cool-down, a breaker or a budget ended the attempt; it goes on when that is over"
            }
            Self::Held => {
                "its last attempt failed, or its plugin let it out: it waits until a time, or for the next tick"
            }
            Self::Paused => "its persona, or everybody, is paused: it goes on after `persona-host resume`",
            Self::Parked => "it was tried often enough: it goes on after `persona-host turns resume ID`",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl JsonSchema for State {
    fn schema_name() -> Cow<'static, str> {
        "State".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "How a turn stands.", "type": "string", "enum": Self::NAMES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::fault::{Fault, Stage};
    use crate::turn_end::TurnEnd;

    #[test]
    fn each_word_is_one_state_and_each_end_of_an_attempt_has_one() {
        assert_eq!(State::ALL.map(State::name), State::NAMES);
        assert!(State::ALL.iter().all(|state| State::of(state.name()) == Some(*state)));
        let fault = Fault::new(Stage::ToolLoop, Code::ClaudeRateLimit, "too much");
        let ends = [
            TurnEnd::Completed,
            TurnEnd::Idle,
            TurnEnd::Skipped { reason: String::new(), until: None },
            TurnEnd::Faulted(fault.clone()),
            TurnEnd::Faulted(fault.excused()),
        ];
        assert_eq!(ends.map(|end| end.name()), State::OUTCOMES.map(State::name));
    }

    #[test]
    fn the_documentation_has_these_words_with_these_meanings_and_no_others() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/states.md");
        let page = std::fs::read_to_string(path).expect("a page");
        let table = page.split("| --- | --- |\n").nth(1).expect("a table");
        let rows: Vec<&str> = table.lines().take_while(|line| line.starts_with("| `")).collect();
        let meant = State::ALL.map(|state| format!("| `{state}` | {} |", state.meaning()));
        assert_eq!(rows, meant);
    }

    #[test]
    fn whatever_ends_an_attempt_without_a_failure_is_a_stop() {
        let new = |code| Fault::new(Stage::ToolLoop, code, "it ended");
        for (fault, word) in [
            (Fault::stopping(Stage::ToolLoop), "stopped"),
            (new(Code::LoginStopped), "stopped"),
            (Fault::of_budget(Stage::ToolLoop, "no room"), "stopped"),
            (new(Code::ClaudeKeyRefused).excused(), "stopped"),
            (new(Code::ClaudeKeyRefused), "faulted"),
            (Fault::interrupted(), "faulted"),
            (Fault::ledger_away(), "faulted"),
        ] {
            assert_eq!(TurnEnd::Faulted(fault.clone()).name(), word, "{fault:?}");
        }
    }
}
