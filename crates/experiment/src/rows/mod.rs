//! Observations as rows of text: how they come from anywhere, and how they are handed on.

mod cell;
mod columns;
mod draft;
mod names;
mod read;
mod unusable;
mod write;

pub use read::{Rows, read_csv};
pub use unusable::Unusable;
pub use write::{write_csv, write_json_lines};
