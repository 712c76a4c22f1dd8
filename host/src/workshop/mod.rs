//! An author's project on disk: what a new one holds, how it is built, its cases. It knows no
//! wasmtime and no network; it starts the tools that build a component, and they may.

mod build;
mod case;
mod compare;
mod language;
mod manifest;
mod merge;
mod outer_cargo;
mod project;
mod sample;
mod snapshot;
mod sources;
mod step;
mod template;
mod toolchain;

pub use build::{BuildError, Built, build};
pub use case::{Case, CaseError, Expected, ExpectedFailure, ExpectedRating, ExpectedTurn, Prompts};
pub use compare::{Answers, No, differences};
pub use language::Language;
pub use merge::MergeError;
pub use project::{Project, ProjectError};
pub use sample::Sample;
pub use snapshot::snapshot;
pub use sources::Sources;
pub use step::{Step, StepError};
pub use template::{TemplateError, create};
pub use toolchain::Surroundings;
