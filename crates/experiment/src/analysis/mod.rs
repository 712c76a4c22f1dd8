//! From observations to a report.

mod analyze;
mod arms;
mod bounds;
mod comparison;
mod effect;
mod floor;
mod health;
mod interval;
mod modules;
mod order;
mod ordinal;
mod personas;
mod planning;
mod robustness;
mod seen;
mod sheet;
mod stages;
mod verdict;
mod wording;

pub use analyze::{Unanalyzable, analyze, rounds};
pub use effect::{Course, course};
pub use floor::out_of_reach;
pub use sheet::Sheet;
