//! From bytes to a generation: trust, contract, compile, link, ask it what it is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use tokio::time::timeout;
use wasmtime::component::Component;

use super::contract::{self, Mismatch};
use super::engine::Engine;
use super::generation::{Generation, Loaded};
use super::source::{Origin, Source};
use super::trust::Trust;
use super::v0_1;
use domain::ids::{GenerationNumber, PluginName, Sha256Hex};

/// How long one compilation may take. It cannot be stopped, but nobody waits for it any longer.
const COMPILE_TIME: Duration = Duration::from_secs(60);

/// How far a plugin got on its way to serving turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoadStage {
    /// Getting its bytes.
    Read,
    /// Comparing digest and signature with what the operator asks for.
    Trust,
    /// Comparing what it is with what is wanted, by name and version.
    Contract,
    /// Making machine code of it.
    Compile,
    /// Joining its imports and exports with the host's, by type.
    Link,
    /// The first call.
    Describe,
    /// Asking whether it takes the settings of each strategy that uses it.
    Settings,
    /// The cases that it ships.
    SelfTest,
    /// Turns of the past.
    Replay,
    /// The first turns, with a share of the personas.
    Canary,
}

impl LoadStage {
    /// The name in messages and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trust => "trust",
            Self::Contract => "contract",
            Self::Compile => "compile",
            Self::Link => "link",
            Self::Describe => "describe",
            Self::Settings => "settings",
            Self::SelfTest => "self-test",
            Self::Replay => "replay",
            Self::Canary => "canary",
        }
    }
}

/// A build was not let in. Whatever served before still serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Which plugin.
    pub plugin: PluginName,
    /// Where the build is from.
    #[serde(serialize_with = "as_text")]
    pub origin: Origin,
    /// Its digest, if its bytes could be had.
    pub sha256: Option<Sha256Hex>,
    /// How far it got.
    pub stage: LoadStage,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// What serves on, such as `1.3.0, generation 4`.
    pub still_serving: Option<String>,
}

fn as_text<S: Serializer>(origin: &Origin, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(origin)
}

impl Refusal {
    /// A refusal of a build whose digest is not known, while nothing else serves.
    pub fn new(
        plugin: &PluginName,
        origin: Origin,
        stage: LoadStage,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            plugin: plugin.clone(),
            origin,
            sha256: None,
            stage,
            message: message.into(),
            hint: hint.into(),
            still_serving: None,
        }
    }

    /// A refusal of a build that was read.
    pub fn of(
        source: &Source,
        stage: LoadStage,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let sha256 = Some(source.digest());
        Self { sha256, ..Self::new(&source.plugin, source.origin.clone(), stage, message, hint) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "plugin \"{}\" not loaded", self.plugin)?;
        if let Some(serving) = &self.still_serving {
            write!(f, " (still serving {serving})")?;
        }
        writeln!(f, "\n  from: {}", self.origin)?;
        writeln!(f, "  stage: {}", self.stage.name())?;
        writeln!(f, "  {}", self.message.replace('\n', "\n  "))?;
        write!(f, "  fix: {}", self.hint)
    }
}

impl std::error::Error for Refusal {}

impl Engine {
    /// Loads a component as generation `number` of its plugin: checks whether it is trusted and the
    /// contract, compiles it on a thread of its own, links it, instantiates it and calls `describe`.
    ///
    /// # Errors
    /// When the component is refused at any stage.
    pub async fn load(
        &self,
        source: &Source,
        number: GenerationNumber,
        trust: &Trust,
    ) -> Result<Generation, Refusal> {
        let began = Instant::now();
        let digest = source.digest();
        let refuse = |stage, Mismatch { message, hint }| Refusal::of(source, stage, message, hint);
        let warning = trust.check(source, &digest).map_err(|wrong| refuse(LoadStage::Trust, wrong))?;
        let contract =
            contract::version(&source.bytes).map_err(|wrong| refuse(LoadStage::Contract, wrong))?;
        let component = self.compile(Arc::clone(&source.bytes)).await.map_err(|message| {
            let hint = advice(&message);
            Refusal::of(source, LoadStage::Compile, message, hint)
        })?;
        let compiled = began.elapsed();
        let linked = v0_1::Linked::new(&self.linker, &component)
            .map_err(|error| refuse(LoadStage::Link, unlinked(&error)))?;
        let loaded = Loaded { source, number, digest, contract, warning, compiled, linked };
        Generation::new(self, loaded).await.map_err(|wrong| refuse(LoadStage::Describe, wrong))
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
        match timeout(COMPILE_TIME, compiled).await {
            Ok(Ok(Ok(component))) => Ok(component),
            Ok(Ok(Err(error))) => Err(format!("it cannot be compiled: {error:#}")),
            Ok(Err(_)) => {
                Err("the compiler failed on it (a bug in wasmtime, not necessarily in the plugin)".to_owned())
            }
            Err(_) => Err(format!("it takes longer than {} s to compile", COMPILE_TIME.as_secs())),
        }
    }
}

/// Parts of WebAssembly that are off here, and the options of usual tools that need them.
fn advice(message: &str) -> &'static str {
    if message.contains("tail calls") {
        "build it without tail calls (componentize-qjs: without `--opt-size`)"
    } else if message.contains("component model async") {
        "build it without async functions (componentize-qjs: `--sync`, jco: `--backend-qjs-disable-async`)"
    } else {
        "rebuild the plugin with a current toolchain"
    }
}

/// The names of its imports and exports are right, and something in them is not there or of another type.
fn unlinked(error: &wasmtime::Error) -> Mismatch {
    if error.to_string().starts_with("component imports instance `wasi:") {
        return Mismatch::new(
            format!("it wants of WASI what this host does not have: {error:#}"),
            "build it with a toolchain for an earlier WASI 0.2, or use a newer persona-host",
        );
    }
    Mismatch::new(drifted(error), "rebuild it against the unchanged wit/v0.1")
}

/// The names fit and the types do not: the plugin was built against an edited copy of the contract.
pub(super) fn drifted(error: &wasmtime::Error) -> String {
    format!("its types are not those of wit/v0.1: {error:#}")
}
