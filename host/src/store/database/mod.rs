//! How the ledger speaks to its database, whichever it is: statements and rows are values, and a connection belongs to
//! a thread, where several statements run without anybody being waited for in between. Only this room knows the drivers.

mod advice;
mod cell;
mod connection;
mod driver;
mod failure;
mod order;
mod postgres;
mod put_off;
mod readers;
mod server;
mod sqlite;
mod statement;
mod whereabouts;
mod writer;

pub(super) use advice::{DAMAGED, NOT_WRITABLE, advice};
pub(super) use cell::{Cell, FromCell, Row};
pub(super) use connection::Connection;
pub(super) use driver::Opening;
pub use failure::{Failure, Kind};
pub(super) use postgres::Postgres;
pub(super) use readers::Readers;
pub(super) use server::Server;
pub(super) use sqlite::Sqlite;
pub use sqlite::version as sqlite_version;
pub(super) use statement::{Given, Statement, sql};
pub(super) use writer::{About, Writer};
