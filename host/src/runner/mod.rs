//! When: the loop, what wakes it, and the one place that decides who runs now.

mod backlog;
mod blocks;
mod brakes;
mod calendar;
mod drain;
mod due_look;
mod error;
mod experiments;
mod hold;
mod left_alone;
mod listed;
mod next_due;
mod outbox;
mod parts;
mod pause;
mod pool;
mod prune;
mod report;
mod sight;
mod slots;
mod tick;
mod ticks;
mod wake;
mod whom;

pub use blocks::{Blocks, Border, Broken, CutShort, Round, RoundError};
pub use brakes::{Pause, Reach};
pub use error::TickError;
pub use hold::KeptBack;
pub use listed::Listed;
pub use outbox::Flushed;
pub use parts::{Options, Runner};
pub use pause::AskedBy;
pub use report::{FailedPersona, HeldBy, HeldPersona, PausedTick, TickReport, TurnReport};
pub use ticks::{LastTick, TickFigures};
pub use wake::{Command, PluginChange, Remote};
pub use whom::{Nobody, WhomError, meant, meant_anywhere};
