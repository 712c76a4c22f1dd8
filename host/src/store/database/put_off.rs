//! What is written with the next write.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Statement;
use domain::ids::TurnId;

/// Statements that belong together, and the turn that they are about.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) turn: TurnId,
    pub(super) statements: Vec<Statement>,
}

/// What is written with the next write, in order.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    units: Mutex<Vec<Unit>>,
    /// Somebody asks for it in a moment.
    is_awaited: AtomicBool,
}

impl PutOff {
    /// Adds something, and says whether somebody has to ask for it in a moment.
    pub(super) fn add(&self, unit: Unit) -> bool {
        self.lock().push(unit);
        !self.is_awaited.swap(true, Ordering::AcqRel)
    }

    pub(super) fn asked_for(&self) {
        self.is_awaited.store(false, Ordering::Release);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn take(&self) -> Vec<Unit> {
        mem::take(&mut *self.lock())
    }

    /// Puts back what could not be written, before whatever came meanwhile.
    pub(super) fn put_back(&self, units: Vec<Unit>) {
        self.lock().splice(0..0, units);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Unit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
