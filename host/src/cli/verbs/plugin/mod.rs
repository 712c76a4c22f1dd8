//! `plugin …`: the authors' side. It needs no neighbour and no key; only `replay` reads a ledger, and only
//! `dev`, `list` and `rollback` ask a persona-host that runs.

mod ask;
mod build;
mod call;
mod check;
mod component;
mod demo;
mod dev;
pub(super) mod difference;
mod finding;
mod given;
mod inspect;
mod list;
mod new;
mod page;
mod replay;
mod rollback;
pub(super) mod running;
mod test;

pub use build::build;
pub use call::call;
pub use check::check;
pub use dev::dev;
pub use inspect::inspect;
pub use list::list;
pub use new::new;
pub use replay::replay;
pub use rollback::rollback;
pub use test::test;
