//! The neighbours as real loopback servers. They are stand-ins and say so.
//!
//! mana-auth and mana-mcp answer as the real services were observed to (the contract's numbers stand
//! at the code that keeps them), on SQLite or PostgreSQL. [`Stack`] starts them together. Where a
//! stand-in differs from the real one on purpose, the module's own documentation says so. [`claude`]
//! serves the Messages API from a script, with fault knobs.

pub mod claude;
pub mod database;
pub mod mana_auth;
pub mod mana_mcp;
pub mod random;
pub mod server;
pub mod stack;
pub mod token;
pub mod witness;

pub use self::database::{DatabaseError, DatabaseUrl};
pub use self::stack::{Stack, StackError, StackOptions};
pub use self::witness::Witness;
