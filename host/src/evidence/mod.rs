//! What the ledger holds of an experiment, as a report, and of two turns, side by side.

mod checks;
mod error;
mod record;
mod reports;
mod two_turns;

pub use error::NoEvidence;
pub use record::Record;
pub use reports::{AtHand, Reports};
pub use two_turns::{Call, Fact, Line, Of, Pair, Prompt, Rated, Said, TwoTurns};
