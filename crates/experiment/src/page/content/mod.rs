//! A report in sections: what is said, in which order, and what each number means.

mod health;
mod identity;
mod metrics;
mod modules;
mod page;
mod personas;
mod pictures;
mod pieces;
mod planning;
mod primary;
mod rater;
mod robustness;
mod ruling;

pub use page::page;
