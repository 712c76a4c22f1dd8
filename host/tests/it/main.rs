//! Integration tests: one binary, because wasmtime links slowly.

#![expect(clippy::unwrap_used, reason = "what cannot be had ends the test")]

mod behavior;
mod commands;
mod defects;
mod disk;
mod experiment;
mod http;
mod mana;
mod mcp;
mod model;
mod neighbours;
mod reload;
mod runner;
mod store;
mod support;
mod tidy;
mod turn;
