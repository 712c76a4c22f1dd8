//! What the ledger holds of an experiment, as a report.

mod checks;
mod error;
mod record;

pub use error::NoEvidence;
pub use record::Record;
