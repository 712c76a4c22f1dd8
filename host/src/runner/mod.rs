//! When: the loop, what wakes it, and the one place that decides who runs now.

mod drain;
mod outbox;
mod report;
mod runner;
mod tick;
mod wake;

pub use outbox::Flushed;
pub use report::{FailedPersona, HeldPersona, TickReport, TurnReport};
pub use runner::{Options, Runner};
pub use tick::TickError;
pub use wake::{Command, Remote};
