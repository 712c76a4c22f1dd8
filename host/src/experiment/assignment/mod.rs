//! Who plays which arm when: a function of the plan, the unit and its history, never of chance.

mod hash;
mod order;
mod place;
mod ranges;

pub use hash::{is_in_group, point, point_by_version};
pub use order::order_of_block;
pub use place::{Mismatch, audit, next};
pub use ranges::{Range, choose, ranges};
