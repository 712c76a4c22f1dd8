//! What may be spent, and what is taken of it. An amount is taken before a call, as much as the call may cost, and given
//! back as far as it did not: however many calls are made at once, together they never cost more than the budget.

mod account;
mod books;
mod limits;

pub use account::{Account, NoRoom, Part, Spender, Taken};
pub use books::Books;
pub use limits::Limits;
