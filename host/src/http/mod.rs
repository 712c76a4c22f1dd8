//! The HTTP face: health, metrics, diagnostics and the read-only API. It reads the ledger and sends
//! commands; it never touches a running turn.

mod admission;
mod api;
mod arrival;
mod asked;
mod brakes;
mod changes;
mod compare;
mod connections;
mod costs;
mod described;
mod diag;
mod document;
mod error;
mod experiments;
mod face;
mod filters;
mod hang_up;
mod health;
mod live;
mod lock;
mod outlet;
mod pages;
mod personas;
mod plugins;
mod ready;
mod reference;
mod roll;
mod route;
mod routes;
mod server;
mod status;

pub use connections::Limits;
pub use document::document;
pub use face::Face;
pub use lock::Lock;
pub use reference::reference;
pub use server::{ListenError, listen, serve, serve_within};
