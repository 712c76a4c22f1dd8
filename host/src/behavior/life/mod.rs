//! The life of one plugin as a table: what is so, what happens, and what is done then.
//!
//! It knows builds by number and digest. It holds no component, reads no file and waits for nobody: shelf, registry and
//! reloader are its hands.

mod retry;
mod serving;
#[cfg(test)]
mod story;
mod table;
#[cfg(test)]
mod tests;
mod trial;
#[cfg(test)]
mod walks;
mod words;

pub(super) use retry::Retry;
pub(super) use table::Life;
pub(super) use words::{Build, Choice, Does, Happens, InPlace, Lasts};
pub use words::{LeftOut, Unfit, Verdict};
