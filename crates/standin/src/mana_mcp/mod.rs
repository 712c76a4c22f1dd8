//! The stand-in mana-mcp (contract 8): eleven tools over MCP's Streamable HTTP, behind a user's token.
//!
//! The protocol is rmcp's server. It differs on purpose in this: records are kept in the clear, though
//! tools with encrypted fields still ask for the vault; changes are seen by the next list; arguments
//! that a tool does not know are refused, as its schema says; events carry no `event: message` line
//! and tools no `execution` member, because rmcp writes neither (both are optional).

mod arguments;
mod calls;
mod catalog;
mod faults;
mod gate;
mod mcp;
mod metrics;
mod policy;
mod records;
mod routes;
mod session;
mod tools;
mod worlds;

pub use self::faults::Faults;
pub use self::mcp::{ManaMcp, Options};
pub use self::policy::PolicyMode;
