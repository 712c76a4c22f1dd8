//! From bytes to a generation: check, compile, link, ask it what it is.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use wasmtime::component::Component;

use super::contract::{self, Mismatch};
use super::engine::Engine;
use super::generation::Generation;
use super::source::Source;
use super::v0_1;
use crate::domain::ids::{GenerationNumber, PluginName, Sha256Hex};

/// How far a plugin got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadStage {
    /// Getting its bytes.
    Read,
    /// Comparing what it is with what is wanted, by name and version.
    Contract,
    /// Making machine code of it.
    Compile,
    /// Joining its imports and exports with the host's, by type.
    Link,
    /// The first call.
    Describe,
}

impl LoadStage {
    /// The name in messages and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Contract => "contract",
            Self::Compile => "compile",
            Self::Link => "link",
            Self::Describe => "describe",
        }
    }
}

/// A plugin was not loaded. Whatever served before still serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which.
    pub plugin: PluginName,
    /// Where it is from.
    pub origin: String,
    /// How far it got.
    pub stage: LoadStage,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plugin \"{}\" not loaded", self.plugin)?;
        writeln!(f, "  from: {}", self.origin)?;
        writeln!(f, "  stage: {}", self.stage.name())?;
        writeln!(f, "  {}", self.message.replace('\n', "\n  "))?;
        write!(f, "  fix: {}", self.hint)
    }
}

impl std::error::Error for Refusal {}

impl Engine {
    /// Loads a component as generation `number` of its plugin: checks the contract, compiles it on a
    /// thread of its own, links it and calls `describe`.
    ///
    /// # Errors
    /// When the component is refused at any stage.
    pub async fn load(&self, source: Source, number: GenerationNumber) -> Result<Generation, Refusal> {
        let refuse = |stage: LoadStage, message: String, hint: &str| Refusal {
            plugin: source.plugin.clone(),
            origin: source.origin.clone(),
            stage,
            message,
            hint: hint.to_owned(),
        };
        let contract = contract::version(&source.bytes)
            .map_err(|Mismatch { message, hint }| refuse(LoadStage::Contract, message, &hint))?;
        let component = self.compile(Arc::clone(&source.bytes)).await.map_err(|message| {
            refuse(LoadStage::Compile, message, "rebuild the plugin with a current toolchain")
        })?;
        let linked = v0_1::Linked::new(&self.linker, &component).map_err(|error| {
            refuse(LoadStage::Link, drifted(&error), "rebuild it against the unchanged wit/v0.1")
        })?;
        let digest = Sha256Hex::of(&source.bytes);
        Generation::new(self, &source, number, digest, contract, linked)
            .await
            .map_err(|Mismatch { message, hint }| refuse(LoadStage::Describe, message, &hint))
    }

    /// Off the runtime's threads and one at a time. A panic of the compiler is an error like others.
    async fn compile(&self, bytes: Arc<[u8]>) -> Result<Component, String> {
        let permit =
            Arc::clone(&self.compiling).acquire_owned().await.map_err(|_| "the host is ending".to_owned())?;
        let engine = self.wasmtime.clone();
        let compiled = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            Component::from_binary(&engine, &bytes)
        });
        match compiled.await {
            Ok(Ok(component)) => Ok(component),
            Ok(Err(error)) => Err(format!("it cannot be compiled: {error:#}")),
            Err(_) => {
                Err("the compiler failed on it (a bug in wasmtime, not necessarily in the plugin)".to_owned())
            }
        }
    }
}

/// The names fit and the types do not: the plugin was built against an edited copy of the contract.
pub(super) fn drifted(error: &wasmtime::Error) -> String {
    format!("its types are not those of wit/v0.1: {error:#}")
}
