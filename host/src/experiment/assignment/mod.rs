//! Who plays which arm when.

mod hash;
mod order;
mod place;

pub use hash::point;
pub use order::arms_of_block;
pub use place::{Mismatch, audit, next};
