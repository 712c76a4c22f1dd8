//! Integration tests: one binary, because wasmtime links slowly.

#![expect(clippy::unwrap_used, reason = "what cannot be had ends the test")]

mod attacks;
mod behavior;
mod circles;
mod commands;
mod defects;
mod disk;
mod documented;
mod experiment;
mod http;
#[cfg(target_os = "linux")]
mod killed;
mod mana;
mod mcp;
mod model;
mod money;
mod neighbours;
mod outbound;
mod pause;
mod recording;
mod reload;
mod runner;
mod schedule;
mod sign_ins;
mod store;
mod support;
mod tidy;
mod traces;
mod turn;
mod wild;
