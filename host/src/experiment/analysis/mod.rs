//! From observations to a report.

mod analyze;
mod arms;
mod comparison;
mod detail;
mod effect;
mod health;
mod planning;
mod sheet;
mod verdict;

pub use analyze::{Unanalyzable, analyze};
pub use effect::{Course, course};
pub use sheet::Sheet;
