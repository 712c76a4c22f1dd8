//! When: the loop, what wakes it, and the one place that decides who runs now.

mod blocks;
mod drain;
mod experiments;
mod hold;
mod outbox;
mod parts;
mod pool;
mod report;
mod tick;
mod wake;

pub use blocks::{Blocks, Border, CutShort, Round, RoundError};
pub use outbox::Flushed;
pub use parts::{Options, Runner};
pub use report::{FailedPersona, HeldBy, HeldPersona, TickReport, TurnReport};
pub use tick::TickError;
pub use wake::{Command, PluginChange, Remote};
