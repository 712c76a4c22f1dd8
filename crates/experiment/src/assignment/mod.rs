//! Who plays which arm when: a function of the plan, the unit and its history, never of chance.

mod balance;
mod hash;
mod order;
mod place;
mod ranges;

pub use balance::{Dealt, Unit, dealt, fairest};
pub use hash::{is_in_group, point, point_by_version};
pub use order::order_of_block;
pub use place::{Mismatch, at, audit, next};
pub use ranges::{Range, choose, ranges};
