//! From observations to a report.

mod analyze;
mod arms;
mod bounds;
mod comparison;
mod effect;
mod health;
mod modules;
mod order;
mod ordinal;
mod personas;
mod planning;
mod robustness;
mod sheet;
mod stages;
mod verdict;

pub use analyze::{Unanalyzable, analyze, rounds};
pub use effect::{Course, course};
pub use sheet::Sheet;
