//! What the ledger holds of an experiment, as a report.

mod checks;
mod error;
mod record;
mod reports;

pub use error::NoEvidence;
pub use record::Record;
pub use reports::Reports;
