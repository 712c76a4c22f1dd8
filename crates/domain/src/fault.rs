//! A fault: a stage's expected failure, as a value that is recorded like a success.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::upstream::Upstream;

/// How long a persona is held back after its `attempt`-th attempt (from 1) ended in a fault: a
/// minute, doubled each time, an hour at most. The original tried again, and paid again, at each
/// tick (contract D11).
#[must_use]
pub fn hold_after(attempt: u32) -> TimeDelta {
    TimeDelta::minutes(1 << attempt.saturating_sub(1).min(6)).min(TimeDelta::hours(1))
}

/// One box of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Choose the strategy and pin the generation.
    Assign,
    /// Sign in at mana-auth.
    SignIn,
    /// Find the personal space, and open the vault if there is none.
    Space,
    /// Open a session with the MCP server and read what tools it offers.
    Tools,
    /// Ask the plugin for the question.
    Compose,
    /// Claude and the tools, round by round.
    ToolLoop,
    /// Write the actions to the ledger and the outbox.
    KeepActions,
    /// Ask the plugin for the rating question, and Claude for the ratings.
    AskRating,
    /// Let the plugin read the reply.
    Parse,
    /// Write the ratings to the ledger and the outbox.
    KeepRatings,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 10] = [
        Self::Assign,
        Self::SignIn,
        Self::Space,
        Self::Tools,
        Self::Compose,
        Self::ToolLoop,
        Self::KeepActions,
        Self::AskRating,
        Self::Parse,
        Self::KeepRatings,
    ];

    /// The one that follows, if one does.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().skip_while(|own| *own != self).nth(1)
    }

    /// The name in records and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Assign => "assign",
            Self::SignIn => "sign-in",
            Self::Space => "space",
            Self::Tools => "tools",
            Self::Compose => "compose",
            Self::ToolLoop => "tool-loop",
            Self::KeepActions => "keep-actions",
            Self::AskRating => "ask-rating",
            Self::Parse => "parse",
            Self::KeepRatings => "keep-ratings",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a turn did not get further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Where.
    pub stage: Stage,
    /// What: the word of a [`Code`], of this version or of the one that kept it.
    pub code: String,
    /// What happened, with the outside's own words.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Every other persona would meet the same (a wrong key, say): the tick starts no further turn.
    pub stops_tick: bool,
    /// Before then it would meet the same again, where the outside says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// It is an upstream that does not do its work, and not what it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Upstream>,
    /// It is nobody's fault: the attempt does not count, and the turn goes on as soon as nothing speaks against it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excused: bool,
}

/// What to do about something that a recording does not have.
pub const NOT_RECORDED_HINT: &str = "undo what changed the request (the plugin, its settings, the strategy), or record anew with it: \
                                     a recording answers what was asked when it was made, and nothing else";

impl Fault {
    /// The program was told to stop, or the persona to pause at once, while the turn was about to begin this stage, or
    /// waited in it.
    #[must_use]
    pub fn stopping(stage: Stage) -> Self {
        Self::new(stage, Code::Stopping, "persona-host was stopped or paused in the middle of this turn")
    }

    /// Whether its message has words of a plugin in it, which may quote whatever the plugin was given.
    #[must_use]
    pub fn is_in_words_of_a_plugin(&self) -> bool {
        self.code.starts_with("plugin-") || self.code == Code::SettingsRefused.word()
    }

    /// The program ended in the middle of the turn, without a word.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(Stage::ToolLoop, Code::Interrupted, "persona-host ended in the middle of this turn")
    }

    /// The ledger could not be written to when the attempt ended, and how it ended is not known.
    #[must_use]
    pub fn ledger_away() -> Self {
        Self::new(
            Stage::ToolLoop,
            Code::LedgerAway,
            "the ledger could not be written to when this attempt ended",
        )
        .hint("its disk was full, or its server away: the turn goes on from its last known step")
        .stopping_the_tick()
    }

    /// What the turn would do next is not what its journal says that it did.
    #[must_use]
    pub fn misfit(stage: Stage, what: &str) -> Self {
        let message = format!("the journal of this turn does not fit this version of persona-host: {what}");
        let hint = "go on with the version that began it, or leave the turn: what it did is kept";
        Self::new(stage, Code::JournalMisfit, message).hint(hint)
    }

    /// The budget has no room for the next call.
    pub fn of_budget(stage: Stage, message: impl Into<String>) -> Self {
        Self::new(stage, Code::BudgetExhausted, message)
    }

    /// The build that began the turn cannot be had any more.
    #[must_use]
    pub fn build_gone(why: &str) -> Self {
        let message = format!("the build that began this turn is gone: {why}");
        let hint =
            "leave builds in plugins.builds_dir as long as turns are under way; what the turn did is kept";
        Self::new(Stage::Assign, Code::BuildGone, message).hint(hint)
    }

    /// Whether it says something about the turn. A stop does not, nor what was not even tried, nor what is nobody's fault (an
    /// outage that is known as one, a day's budget that is spent): they prolong no hold.
    #[must_use]
    pub fn counts(&self) -> bool {
        let is_tried = !self.is(Code::Stopping) && !self.is(Code::LoginStopped);
        is_tried && !self.excused
    }

    /// Whether it only ended the attempt, and nothing failed: a stop, a pause, a wait for everybody, or a budget.
    #[must_use]
    pub fn is_a_stop(&self) -> bool {
        !self.counts() || self.is_of_budget()
    }

    /// Whether a neighbour ended the attempt that is left alone for now: nothing failed, and it goes on after that.
    #[must_use]
    pub fn is_of_a_neighbour(&self) -> bool {
        self.is_a_stop() && !self.is_of_a_stop() && !self.is_of_budget() && !self.is(Code::LoginStopped)
    }

    /// Whether the program or the persona was to stop.
    #[must_use]
    pub fn is_of_a_stop(&self) -> bool {
        self.is(Code::Stopping)
    }

    /// Whether there was no money for the turn's next call.
    #[must_use]
    pub fn is_of_budget(&self) -> bool {
        self.is(Code::BudgetExhausted)
    }

    /// Whether the program ended in the middle of the turn.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        self.is(Code::Interrupted)
    }

    /// Whether the turn cannot go on with this program.
    #[must_use]
    pub fn is_misfit(&self) -> bool {
        self.is(Code::JournalMisfit)
    }

    /// Whether it is one of this turn's own: not one that all others would meet, too, and not the program's end.
    #[must_use]
    pub fn is_of_the_turn(&self) -> bool {
        self.counts() && !self.stops_tick && !self.is_interruption()
    }

    /// Whether no further attempt is made: the build that the turn is pinned to is asked the same again or is gone.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let is_asked_again = matches!(self.stage, Stage::AskRating | Stage::Parse);
        self.is(Code::BuildGone) || is_asked_again && self.code.starts_with("plugin-")
    }

    fn is(&self, code: Code) -> bool {
        self.code == code.word()
    }

    /// A fault of one persona.
    pub fn new(stage: Stage, code: Code, message: impl Into<String>) -> Self {
        let (code, message) = (code.word().to_owned(), message.into());
        let (hint, not_before, outage) = (None, None, None);
        Self { stage, code, message, hint, stops_tick: false, not_before, outage, excused: false }
    }

    /// The same fault with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same fault, which lasts until then.
    #[must_use]
    pub fn not_before(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.not_before = at;
        self
    }

    /// The same fault, as one of an upstream.
    #[must_use]
    pub fn of(mut self, upstream: Upstream) -> Self {
        self.outage = Some(upstream);
        self
    }

    /// The same fault, which is nobody's. What keeps turns from it meanwhile is known to the process, which lets them go on:
    /// a hold would outlast both.
    #[must_use]
    pub fn excused(self) -> Self {
        Self { excused: true, ..self }
    }

    /// The same fault, but of the whole tick.
    #[must_use]
    pub fn stopping_the_tick(mut self) -> Self {
        self.stops_tick = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hold_grows_to_an_hour() {
        let minutes: Vec<i64> = [1, 2, 3, 6, 7, 8, 1000].map(|n| hold_after(n).num_minutes()).to_vec();
        assert_eq!(minutes, [1, 2, 4, 32, 60, 60, 60]);
    }
}
