//! What a tick did, in the shape of contract 7.2 and a little more.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::brakes::PauseTold;
use crate::store::ForeignActivity;
use crate::turn::Ended;
use domain::code::Code;
use domain::turn_end::TurnEnd;

/// What a tick did.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TickReport {
    /// How many personas mana-auth reported.
    pub due: usize,
    /// How many turns completed, idle ones included.
    pub ran_successfully: usize,
    /// Whose turn failed.
    pub failed: Vec<FailedPersona>,
    /// Who was due but kept back by us, or stopped without a failure; not part of the contract, so left out when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldPersona>,
    /// Who was active since our last turn of it, and not by us: told once, and left out when there is nobody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<ForeignActivity>,
    /// Why no further turn was begun, where something was met that everybody would meet; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// The same as one of the codes of faults.
    #[serde(skip)]
    pub stopped_by_code: Option<String>,
    /// Everybody is paused, so nobody was looked for; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<PauseTold>,
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
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FailedPersona {
    /// Its address.
    pub persona: String,
    /// What happened.
    pub error: String,
    /// It was told when it was first seen.
    #[serde(skip)]
    pub is_told: bool,
}

/// One persona that was kept back.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HeldPersona {
    /// Its address.
    pub persona: String,
    /// Why.
    pub reason: String,
    /// The same as one of a few words.
    pub cause: HeldBy,
}

/// What keeps a persona back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeldBy {
    /// Its last turn ended in a fault, or mana-auth refused or forgot what came of it.
    Fault,
    /// Its plugin let it out.
    Plugin,
    /// Its turn is running, or on its way to mana-auth.
    OwnTurn,
    /// It was due when the tick began, and is no longer.
    NotDue,
    /// No further turn of this tick is begun.
    Stop,
    /// Somebody paused it.
    Pause,
    /// The budget has no room for a call.
    Budget,
    /// The passwords of personas are refused, and nobody signs in for now.
    SignIns,
    /// An upstream does not do its work, and is left alone for a while.
    Upstream,
}

impl HeldBy {
    /// Whether no ledger knows it: it lasts as long as the process that keeps the persona back, or shorter.
    #[must_use]
    pub fn is_unwritten(self) -> bool {
        matches!(self, Self::Budget | Self::SignIns | Self::Upstream)
    }
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
    /// Adds a turn of somebody who is paused by now, or is not.
    pub(super) fn add(&mut self, turn: TurnReport, is_paused: bool) {
        let persona = turn.persona.clone();
        match &turn.ended.end {
            TurnEnd::Completed | TurnEnd::Idle => self.ran_successfully += 1,
            TurnEnd::Skipped { reason, .. } => {
                let reason = format!("its plugin let it out: {reason}");
                self.held.push(HeldPersona { persona, reason, cause: HeldBy::Plugin });
            }
            // Nothing failed: it is kept back like who was not begun for the same reason.
            TurnEnd::Faulted(fault) if fault.is_a_stop() => {
                let cause = match fault {
                    fault if fault.is_of_a_stop() && is_paused => HeldBy::Pause,
                    fault if fault.is_of_a_stop() => HeldBy::Stop,
                    fault if fault.is_of_budget() => HeldBy::Budget,
                    fault if fault.code == Code::LoginStopped.word() => HeldBy::SignIns,
                    _ => HeldBy::Upstream,
                };
                self.held.push(HeldPersona { persona, reason: fault.message.clone(), cause });
            }
            TurnEnd::Faulted(fault) => {
                self.failed.push(FailedPersona { persona, error: fault.message.clone(), is_told: false });
            }
        }
        self.turns.push(turn);
    }
}
