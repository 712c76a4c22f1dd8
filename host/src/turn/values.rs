//! What stages take and return. Each value holds what the stages after it need, so a wrong order
//! does not compile.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::visit::Visit;
use crate::behavior::{Generation, Probation};
use crate::engine::Steps;
use crate::mana::{self, Space};
use domain::behavior::{RatingReport, TurnContext, TurnOutcome};
use domain::budget::Spender;
use domain::experiment::{Assignment, Experiment};
use domain::ids::{StrategyName, TurnId};
use domain::persona::Persona;
use domain::plugin::ServedAs;
use domain::rating::Rating;
use domain::strategy::Strategy;
use domain::tool::Tool;
use domain::transcript::Opening;
use domain::turn_end::TurnEnd;

/// A persona whose turn begins.
#[derive(Clone, Debug)]
pub struct Due {
    /// The turn.
    pub turn: TurnId,
    /// How often it was begun, this time included.
    pub attempt: u32,
    /// Whose.
    pub persona: Persona,
    /// Its role in an experiment that is run at once. A turn of the daemon finds its own.
    pub part: Option<Role>,
    /// Says that no further step of it is to be begun: the program stops, or the persona is paused at once.
    pub stop: CancellationToken,
}

/// A turn's role in an experiment.
#[derive(Clone, Debug)]
pub struct Role {
    /// The experiment.
    pub experiment: Arc<Experiment>,
    /// Which block and which arm.
    pub place: Assignment,
}

/// How a turn ended, and what is kept of it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The turn.
    pub turn: TurnId,
    /// How.
    pub end: TurnEnd,
    /// The strategy, if it came so far.
    pub strategy: Option<StrategyName>,
    /// How many actions are kept.
    pub actions: usize,
    /// The ratings that are kept.
    pub ratings: Vec<Rating>,
}

/// The strategy is chosen and the generation pinned: it serves this turn to its end.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub(super) turn: TurnId,
    pub(super) steps: Arc<dyn Steps>,
    pub(super) persona: Persona,
    pub(super) strategy: Arc<Strategy>,
    pub(super) generation: Arc<Generation>,
    pub(super) served_as: ServedAs,
    /// The turn tries a generation in quarantine; to its end, nobody else does.
    pub(super) probation: Option<Arc<Probation>>,
    pub(super) model: String,
    pub(super) role: Option<Role>,
    /// Under which name the turn's memory is kept, and all of its randomness.
    pub(super) memory_line: StrategyName,
    pub(super) seed: u64,
    pub(super) stop: CancellationToken,
}

impl Assigned {
    /// For whom its calls are made.
    pub(super) fn spender(&self) -> Spender {
        let arm = self.role.as_ref().map(|role| format!("{}/{}", role.place.experiment, role.place.arm));
        Spender { persona: self.persona.id.clone(), strategy: self.strategy.name.clone(), arm }
    }
}

/// With a token.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) turn: Assigned,
    pub(super) account: mana::SignedIn,
}

/// With a space.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) turn: Assigned,
    pub(super) account: mana::SignedIn,
    pub(super) space: Space,
}

/// With tools in hand.
#[derive(Debug)]
pub(super) struct Equipped {
    pub(super) turn: Assigned,
    pub(super) visit: Visit,
    pub(super) tools: Vec<Tool>,
}

/// With the question.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) equipped: Equipped,
    pub(super) context: TurnContext,
    pub(super) opening: Opening,
}

/// The day is over.
#[derive(Debug)]
pub(super) struct Acted {
    pub(super) turn: Assigned,
    pub(super) context: TurnContext,
    pub(super) outcome: TurnOutcome,
}

/// The same, with its actions in the ledger and in the outbox.
#[derive(Debug)]
pub(super) struct Kept(pub(super) Acted);

/// With the reply to the rating question.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) turn: Assigned,
    pub(super) context: TurnContext,
    pub(super) outcome: TurnOutcome,
    pub(super) reply: String,
}

/// With the ratings that were in it.
#[derive(Debug)]
pub(super) struct Rated {
    pub(super) turn: Assigned,
    pub(super) report: RatingReport,
}
