//! The behavior that is part of the program, as it is held in memory.

use std::sync::Arc;

use super::generation::Generation;
use super::life::{Lasts, Retry};
use domain::clock::Clock;

/// The behavior that is part of the program, once it was needed.
#[derive(Debug, Default)]
pub(super) struct Embedded {
    pub(super) generation: Option<Arc<Generation>>,
    /// It did not load, for good or for a while.
    failed: Option<(Lasts, Retry)>,
}

impl Embedded {
    /// Whether it is not there yet, and may be tried.
    pub(super) fn is_to_be_loaded(&self, clock: &Clock) -> bool {
        self.generation.is_none()
            && match &self.failed {
                None => true,
                Some((Lasts::AWhile, retry)) => retry.is_due(clock.now()),
                Some(_) => false,
            }
    }

    pub(super) fn did_not_load(&mut self, lasts: Lasts, clock: &Clock) {
        let (_, mut retry) = self.failed.take().unwrap_or((Lasts::AWhile, Retry::default()));
        retry.after_failure(clock.now());
        self.failed = Some((lasts, retry));
    }
}
