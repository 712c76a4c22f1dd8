//! The HTTP face: health, metrics, diagnostics and the read-only API. It reads the ledger and sends
//! commands; it never touches a running turn.

mod admin;
mod api;
mod brakes;
mod costs;
mod diag;
mod error;
mod face;
mod filters;
mod health;
mod loopback;
mod personas;
mod plugins;
mod server;

pub use face::Face;
pub use server::{ListenError, listen, router, serve};
