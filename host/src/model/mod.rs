//! The Claude Messages API: one typed call, streamed, retried and priced. It knows no tool server.

pub mod client;
pub mod error;
pub mod failure;
pub mod gate;
mod look_up;
pub mod offer;
mod pairing;
pub mod price;
mod reading;
pub mod refusal;
mod refused_tool;
pub mod reply;
pub mod request;
mod retry;
mod sayable;
pub mod stream;
mod wire;

pub use client::{Admitted, Claude, DEFAULT_BASE_URL, DEFAULT_VERSION, Options, STAND_IN_KEY};
pub use error::ModelError;
pub use gate::{Gate, LeftAlone};
pub use look_up::LookedUp;
pub use offer::{Offer, ToolDefinition};
pub use pairing::CallIds;
pub use refused_tool::refused_tool;
pub use reply::{Block, Reply, Said, StopReason, ToolUse};
pub use request::{Message, MessageRequest, Role, ToolResult};
