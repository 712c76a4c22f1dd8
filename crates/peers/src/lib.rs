//! What nobody here wrote, for tests: official clients and servers from the npm registry, programs from PyPI that drive an
//! API by its document, and a PostgreSQL server.
//! Our wire and our SQL are checked by them.

#![expect(clippy::unwrap_used, reason = "what cannot be had ends the test")]

pub mod node;
pub mod postgres;
pub mod python;
