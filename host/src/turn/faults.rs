//! From each room's errors to faults: the stage, a code, the room's own words, and advice.

use crate::behavior::CallError;
use crate::engine::{Failing, StepsError, Undone};
use crate::mana::ManaError;
use crate::mcp::McpError;
use crate::model::ModelError;
use crate::store::LedgerError;
use domain::code::Code;
use domain::fault::{Fault, Stage};
use domain::turn_end::TurnEnd;
use domain::upstream::Upstream;

pub(super) fn mana(stage: Stage, error: &ManaError) -> Fault {
    if matches!(error, ManaError::Stopping { .. }) {
        return Fault::stopping(stage);
    }
    let fault = Fault::new(stage, error.fault_code(), error.to_string()).hint(error.hint());
    let fault = fault.not_before(error.not_before());
    let fault = if error.is_outage() { fault.of(Upstream::ManaAuth) } else { fault };
    if error.stops_tick() { fault.stopping_the_tick() } else { fault }
}

pub(super) fn mcp(stage: Stage, error: &McpError) -> Fault {
    let fault = Fault::new(stage, error.fault_code(), error.to_string()).hint(error.hint());
    let fault = if error.is_outage() { fault.of(Upstream::ManaMcp) } else { fault };
    if error.stops_tick() { fault.stopping_the_tick() } else { fault }
}

pub(super) fn model(stage: Stage, error: &ModelError) -> Fault {
    let fault = Fault::new(stage, error.fault_code(), error.to_string());
    let fault = match error.hint() {
        Some(hint) => fault.hint(hint),
        None => fault,
    };
    let fault = if error.is_outage() { fault.of(Upstream::Claude) } else { fault };
    let fault = if error.is_held_by_the_gate() { fault.excused() } else { fault };
    if error.stops_tick() { fault.stopping_the_tick() } else { fault }
}

pub(super) fn plugin(stage: Stage, error: &CallError) -> Fault {
    Fault::new(stage, error.fault_code(), error.to_string()).hint(error.hint())
}

pub(super) fn ledger(stage: Stage, error: &LedgerError) -> Fault {
    // Others do not meet what one row holds: the ledger itself is well.
    let fault = match error.is_of_one_write() {
        true => Fault::new(stage, Code::LedgerRow, error.to_string()),
        false => Fault::new(stage, Code::Ledger, error.to_string()).stopping_the_tick(),
    };
    error.hint().into_iter().fold(fault, Fault::hint)
}

pub(super) fn steps(stage: Stage, error: &StepsError) -> Fault {
    match error {
        StepsError::Misfit(what) => Fault::misfit(stage, what),
        StepsError::Lost(error) => match error.downcast_ref::<LedgerError>() {
            Some(error) => ledger(stage, error),
            None => lost(stage, &error.to_string()),
        },
    }
}

fn lost(stage: Stage, what: &str) -> Fault {
    Fault::new(stage, Code::Ledger, what)
        .hint("check that the disk has space and that the ledger's folder can be written")
        .stopping_the_tick()
}

impl Failing for ModelError {
    fn undone(&self) -> Undone {
        if self.may_be_billed() { Undone::Unknown } else { Undone::Surely }
    }
}

impl Failing for McpError {
    fn undone(&self) -> Undone {
        if self.is_answer_lost() { Undone::Unknown } else { Undone::Surely }
    }
}

/// A stage of the turn that is itself a step.
impl Failing for TurnEnd {
    fn undone(&self) -> Undone {
        Undone::Surely
    }
}
