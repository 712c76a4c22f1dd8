//! The command line: arguments, printing, exit codes; one file per verb. It reads the ledger and
//! asks the neighbours, and never builds the daemon.

pub mod args;
mod exit;
mod failure;
mod keys;
mod lines;
pub mod load;
pub mod output;
mod pages;
pub mod progress;
mod text;
pub mod tick_view;
mod turn_view;
pub mod verbs;

pub use exit::{EXITS, Exit, GATES, Gate};
pub use failure::Failure;
pub use text::size;
