//! The right of one turn to try a generation in quarantine.

use std::fmt;
use std::sync::{Arc, PoisonError};

use super::generation::Generation;
use super::health::Ticket;
use super::life::Happens;
use super::shelf::Shelves;
use domain::clock::Clock;
use domain::ids::{GenerationNumber, PluginName};

/// The right of one turn to try a generation in quarantine. However the turn ends, it goes with it, and another turn may
/// try.
pub struct Probation {
    shelves: Arc<Shelves>,
    clock: Clock,
    plugin: PluginName,
    number: GenerationNumber,
    ticket: Ticket,
}

impl Probation {
    pub(super) fn new(shelves: Arc<Shelves>, clock: Clock, generation: &Generation, ticket: Ticket) -> Self {
        Self { shelves, clock, plugin: generation.plugin().clone(), number: generation.number(), ticket }
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.ticket
    }
}

impl Drop for Probation {
    fn drop(&mut self) {
        let now = self.clock.now();
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = shelves.get_mut(&self.plugin) {
            shelf.after(Happens::TicketReturned { number: self.number, ticket: self.ticket }, now);
        }
    }
}

impl fmt::Debug for Probation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plugin, number, ticket, .. } = self;
        f.debug_struct("Probation")
            .field("plugin", plugin)
            .field("number", number)
            .field("ticket", ticket)
            .finish_non_exhaustive()
    }
}
