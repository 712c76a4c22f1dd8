//! Plugins: the one room that knows wasmtime. It knows no persona store, no model and no tool server.
//!
//! An [`Engine`] lives as long as the process, a [`Generation`] (one loaded build of a plugin) as long
//! as somebody pins it, and an instance as long as one call. A plugin is asked and never acts: it sees
//! neither files nor network nor the time of day, and the host checks what it returns.

mod artifact;
mod builds;
mod built_in;
mod call;
mod check;
mod contract;
mod embedded;
mod engine;
mod engine_error;
mod folder;
mod generation;
mod health;
mod kept;
mod life;
mod limits;
mod load;
mod machine;
mod printed;
mod probation;
mod proof;
mod recall;
mod record;
mod refusal;
mod registry;
mod shelf;
mod source;
mod stand_in;
mod state;
mod surface;
mod tally;
mod trust;
mod v0_1;
mod watch;
mod words;

pub use builds::{Builds, InUse, KeptBuild};
pub use built_in::BUILT_IN;
pub use call::{CallError, Called};
pub use contract::ACCEPTED;
pub use engine::{Engine, EngineOptions};
pub use engine_error::EngineError;
pub use folder::{Folder, Look};
pub use generation::Generation;
pub use health::{Quarantine, Turning};
pub use life::{LeftOut, Unfit, Verdict};
pub use probation::Probation;
pub use proof::{ProofLimits, answer_as_child};
pub use recall::NotRecalled;
pub use record::{BuildRecord, BuildState, LoggedLine, Occasion, PluginRecord};
pub use refusal::{LoadStage, Origin, Refusal};
pub use registry::{Next, Pin, Pinned, Registry, Trial, Unserved};
pub use source::{Source, no_file};
pub use state::{LogLevel, LogLine};
pub use surface::{Misfit, Producer, Section, Surface};
pub use tally::Figures;
pub use trust::{PublicKey, Trust};
pub use watch::{Watch, WatchMode};

/// The version of wasmtime that plugins run on.
pub use wasmtime_environ::VERSION as WASMTIME;
