//! The command line: arguments, printing, exit codes; one file per verb. It reads the ledger and
//! asks the neighbours, and never builds the daemon.

pub mod args;
mod envelope;
mod exit;
mod failure;
mod keys;
pub mod load;
mod next;
pub mod output;
mod pages;
pub mod progress;
pub mod reference;
pub mod signals;
pub mod terminal;
mod text;
pub mod tick_view;
mod turn_view;
pub mod verbs;

pub use exit::{EXITS, Exit, GATES, Gate};
pub use failure::Failure;
pub use next::quoted;
pub use text::size;
