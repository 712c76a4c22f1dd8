//! Plugins: the one room that knows wasmtime. It knows no persona store, no model and no tool server.
//!
//! An [`Engine`] lives as long as the process, a [`Generation`] (one loaded build of a plugin) as long
//! as somebody pins it, and an instance as long as one call. A plugin is asked and never acts: it sees
//! neither files nor network nor the time of day, and the host checks what it returns.

mod built_in;
mod call;
mod check;
mod contract;
mod engine;
mod generation;
mod limits;
mod load;
mod registry;
mod source;
mod state;
mod surface;
mod v0_1;

pub use built_in::BUILT_IN;
pub use call::{CallError, Called};
pub use engine::{Engine, EngineError, EngineOptions};
pub use generation::Generation;
pub use load::{LoadStage, Refusal};
pub use registry::Registry;
pub use source::Source;
pub use state::{LogLevel, LogLine};
pub use surface::{Misfit, Producer, Section, Surface};
