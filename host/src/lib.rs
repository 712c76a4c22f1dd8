//! Drives synthetic users through an app, with Claude and the app's MCP server.
//!
//! `ARCHITECTURE.md` at the top of the repository is the map. The order below is the order of the
//! floors, lowest first: a module uses what stands above it here, and never its neighbour.

pub mod aside;
pub mod breaker;
pub mod disk;
pub mod jitter;
pub mod private;
pub mod since;
pub mod sse;

pub mod outbound;

pub mod behavior;
pub mod config;
pub mod mana;
pub mod mcp;
pub mod model;
pub mod running;
pub mod store;
pub mod telemetry;
pub mod workshop;

pub mod engine;

pub mod evidence;
pub mod reload;
pub mod turn;

pub mod runner;

pub mod cli;
pub mod http;

pub mod app;
