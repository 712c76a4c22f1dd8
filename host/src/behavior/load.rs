//! From bytes to a generation: trust, contract, compile, link, ask it what it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use wasmtime::component::Component;

use super::contract::{self, Mismatch, drifted};
use super::engine::Engine;
use super::generation::{Generation, Loaded};
use super::refusal::{LoadStage, Refusal};
use super::source::Source;
use super::trust::Trust;
use super::v0_1;
use domain::ids::GenerationNumber;

/// How long one compilation may take. It cannot be stopped, but nobody waits for it any longer.
const COMPILE_TIME: Duration = Duration::from_secs(60);

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
