//! What a limit is of, how much of it is taken, and that it has no room.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::{PersonaId, StrategyName, TurnId};
use crate::usage::{Cost, NanoUsd};

/// For whom a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spender {
    /// Of which persona.
    pub persona: PersonaId,
    /// Under which strategy.
    pub strategy: StrategyName,
    /// In which arm of an experiment, as `experiment/arm`.
    pub arm: Option<String>,
}

/// What a limit is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// One turn.
    Turn(TurnId),
    /// One persona, today.
    Persona(PersonaId),
    /// One strategy, today.
    Strategy(StrategyName),
    /// One arm, today.
    Arm(String),
    /// Everything, today.
    Day,
}

/// A limit of today, and what is taken of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of what.
    pub account: Account,
    /// The most that may be spent.
    pub limit: NanoUsd,
    /// What is spent, or promised to calls under way.
    pub taken: NanoUsd,
    /// A call found no room, and would find none now.
    pub is_full: bool,
}

/// What of a limit is taken, for programs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// The key of the configuration that says the limit.
    pub of: String,
    /// The limit, in US dollars.
    pub limit_usd: f64,
    /// What is spent of it, or promised to calls under way, in US dollars.
    pub taken_usd: f64,
    /// No other call has room.
    pub is_full: bool,
    /// Whose it is, of one that each persona has for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persona_id: Option<PersonaId>,
}

/// A limit that has no room for one more call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Of what.
    pub account: Account,
    /// The most that may be spent.
    pub limit: NanoUsd,
    /// What is spent, or promised to calls under way.
    pub taken: NanoUsd,
    /// What of it is promised.
    pub promised: NanoUsd,
    /// What the call may cost; nothing if nobody knows.
    pub call: Cost,
    /// What has to be left beside it, for the question that ends the turn.
    pub kept_back: NanoUsd,
}

impl Account {
    /// Whether no more than one turn takes from it at a time.
    pub(super) fn is_of_one_turn(&self) -> bool {
        matches!(self, Self::Turn(_) | Self::Persona(_))
    }

    /// The same with whose it is, where the key does not say that.
    #[must_use]
    pub fn named(&self) -> String {
        match self {
            Self::Turn(id) => format!("{} of {id}", self.key()),
            Self::Persona(id) => format!("{} of {id}", self.key()),
            Self::Strategy(_) | Self::Arm(_) | Self::Day => self.key(),
        }
    }

    /// The key of the configuration that limits it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Turn(_) => "budget.turn".to_owned(),
            Self::Persona(_) => "budget.persona_day".to_owned(),
            Self::Strategy(name) => format!("budget.strategies.{name}"),
            Self::Arm(arm) => format!("budget.arms.{arm:?}"),
            Self::Day => "budget.day".to_owned(),
        }
    }
}

impl Part {
    /// The same for programs.
    #[must_use]
    pub fn shown(&self) -> Taken {
        let Self { account, limit, taken, is_full } = self;
        let persona_id = match account {
            Account::Persona(id) => Some(id.clone()),
            _ => None,
        };
        Taken {
            of: account.key(),
            limit_usd: limit.dollars(),
            taken_usd: taken.dollars(),
            is_full: *is_full,
            persona_id,
        }
    }
}

impl NoRoom {
    /// Whether there is room once calls under way have cost less than was promised to them, as far as anybody knows.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let is_within = |needed: NanoUsd| needed.0.saturating_sub(self.promised.0) <= self.limit.0;
        self.promised.0 > 0 && self.needed().is_some_and(is_within)
    }

    pub(super) fn is_so(&self) -> bool {
        self.needed().is_none_or(|needed| needed > self.limit)
    }

    /// What the limit would have to be for the call; nothing if nobody knows.
    fn needed(&self) -> Cost {
        let with_call = self.taken.0.checked_add(self.call?.0)?;
        with_call.checked_add(self.kept_back.0).map(NanoUsd)
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, limit, taken, call, kept_back, .. } = self;
        let whose = match account {
            Account::Turn(_) => "the turn's budget".to_owned(),
            Account::Persona(_) => "the persona's budget of today".to_owned(),
            Account::Strategy(name) => format!("today's budget of the strategy {name}"),
            Account::Arm(arm) => format!("today's budget of the arm {arm}"),
            Account::Day => "today's budget".to_owned(),
        };
        write!(f, "{whose} of {limit} has no room for another call: {taken} of it is taken, and ")?;
        match call {
            Some(call) => write!(f, "the call may cost up to {call}"),
            None => write!(f, "what the call may cost is not known"),
        }?;
        match kept_back {
            NanoUsd(0) => Ok(()),
            kept_back => write!(f, ", and {kept_back} is kept for the question how it was"),
        }
    }
}
