//! The one gate to Claude: every paid request of the process goes through it, whichever turn it is of.

mod allowance;
mod door;
mod lane;
mod levels;
mod pace;
mod prefix;
mod refusals;
mod window;

pub use door::{Barred, Call, Figures, Gate, LeftAlone, Outcome, Pass};
pub use lane::{Cause, Cooled, End, Lane, Verdict};
pub use levels::{Levels, Need};
