//! `doctor`: what is wrong with the set-up that an operator has, why, and what to do about it.

mod claude;
mod clocks;
mod configuration;
mod finding;
mod ledger;
mod mend;
mod neighbours;
mod port;
mod room;
mod sign_in;
mod visit;

pub use visit::doctor;
