//! What a tick did, in the shape of contract 7.2 and a little more.

use std::time::Duration;

use serde::Serialize;

use crate::turn::Ended;
use domain::event::TurnEnd;

/// What a tick did.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TickReport {
    /// How many personas mana-auth reported.
    pub due: usize,
    /// How many turns completed, idle ones included.
    pub ran_successfully: usize,
    /// Whose turn ended in a fault.
    pub failed: Vec<FailedPersona>,
    /// Who was due but kept back by us; not part of the contract, so left out when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldPersona>,
    /// How long it took.
    pub duration_ms: u64,
    /// Deliveries that mana-auth has not acknowledged; left out when there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub deliveries_waiting: u64,
    /// Each turn that ran; not part of the contract's shape.
    #[serde(skip)]
    pub turns: Vec<TurnReport>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One persona whose turn ended in a fault.
#[derive(Clone, Debug, Serialize)]
pub struct FailedPersona {
    /// Its address.
    pub persona: String,
    /// What happened.
    pub error: String,
}

/// One persona that was kept back.
#[derive(Clone, Debug, Serialize)]
pub struct HeldPersona {
    /// Its address.
    pub persona: String,
    /// Why.
    pub reason: String,
}

/// One turn that ran.
#[derive(Clone, Debug)]
pub struct TurnReport {
    /// The persona's address.
    pub persona: String,
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub took: Duration,
}

impl TickReport {
    /// Adds a turn.
    pub(super) fn add(&mut self, turn: TurnReport) {
        let persona = turn.persona.clone();
        match &turn.ended.end {
            TurnEnd::Completed | TurnEnd::Idle => self.ran_successfully += 1,
            TurnEnd::Skipped { reason, .. } => {
                self.held.push(HeldPersona { persona, reason: format!("its plugin let it out: {reason}") });
            }
            TurnEnd::Faulted(fault) => {
                self.failed.push(FailedPersona { persona, error: fault.message.clone() });
            }
        }
        self.turns.push(turn);
    }
}
