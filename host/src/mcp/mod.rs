//! One Streamable HTTP session per turn with the app's MCP server. Only this room knows rmcp's client.

mod answer;
mod busy;
mod client;
mod error;
mod incoming;
mod lasting;
mod listing;
mod names;
mod pages;
pub mod schema;
mod session;
mod tame;
mod wire;

pub use client::{Mcp, Options, protocol};
pub use error::McpError;
pub use lasting::LastingSession;
pub use listing::LeftOut;
pub use names::Names;
pub use session::{Offer, Session};
