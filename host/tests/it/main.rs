//! Integration tests: one binary, because wasmtime links slowly.

mod behavior;
mod claude;
mod mana;
mod mana_auth;
mod mana_mcp;
mod mcp;
mod model;
mod support;
