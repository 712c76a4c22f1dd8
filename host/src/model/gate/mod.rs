//! The one gate to Claude: every paid request of the process goes through it, whichever turn it is of.

mod allowance;
mod call;
mod door;
mod inside;
mod lane;
mod left_alone;
mod levels;
mod pace;
mod pass;
mod prefix;
mod refusals;
mod window;

pub use call::Call;
pub use door::{Barred, Gate};
pub use inside::Figures;
pub use lane::{Cause, Cooled, End, Lane, Verdict};
pub use left_alone::LeftAlone;
pub use levels::{Levels, Need};
pub use pass::{Outcome, Pass};
