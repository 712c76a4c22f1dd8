//! The HTTP face: health, metrics, diagnostics and the read-only API. It reads the ledger and sends
//! commands; it never touches a running turn.

mod admission;
mod api;
mod arrival;
mod asked;
mod brakes;
mod connections;
mod costs;
mod diag;
mod error;
mod face;
mod filters;
mod health;
mod live;
mod lock;
mod pages;
mod personas;
mod plugins;
mod ready;
mod server;
mod status;

pub use connections::Limits;
pub use face::Face;
pub use lock::Lock;
pub use server::{ListenError, listen, serve, serve_within};
