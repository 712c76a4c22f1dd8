//! `plugin …`: the authors' side. It needs no neighbour, no ledger and no key.

mod ask;
mod build;
mod call;
mod check;
mod component;
mod finding;
mod given;
mod inspect;
mod new;
mod page;
mod test;

pub use build::build;
pub use call::call;
pub use check::check;
pub use inspect::inspect;
pub use new::new;
pub use test::test;
