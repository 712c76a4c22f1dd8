//! What is done once: (turn, step key) → what came of it, kept. The pipeline asks for steps by their keys and does not
//! know where they are kept; whoever keeps them does not know what they do.

mod embedded;
mod steps;

pub use embedded::Embedded;
pub use steps::{Earlier, Failing, Intent, Outcome, Stepped, Steps, StepsError, Undone, Work};
