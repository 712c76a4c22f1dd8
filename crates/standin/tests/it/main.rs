//! The stand-ins against the contract and against official clients.

#![expect(clippy::unwrap_used, reason = "what cannot be had ends the test")]

mod claude;
mod mana_auth;
mod mana_mcp;
mod neighbours;
mod witness;
