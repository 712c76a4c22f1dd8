//! WebAssembly as the host and the child that proves builds both run it: how components are compiled, what
//! they can import, and the thread that moves the epoch.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, EngineWeak, OptLevel, WasmBacktraceDetails};

use super::engine_error::EngineError;
use super::state::CallState;
use super::v0_1;

/// How often a call is interrupted to look at the clock and to let other tasks run.
const EPOCH: Duration = Duration::from_millis(10);

/// wasmtime, set up. Clones share it. It ends, with its thread, when the last clone is gone.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) linker: Arc<Linker<CallState>>,
}

impl Machine {
    /// Starts it and its epoch thread.
    pub(super) fn new() -> Result<Self, EngineError> {
        let wasmtime =
            wasmtime::Engine::new(&config()).map_err(|error| EngineError::Engine(format!("{error:#}")))?;
        let linker = linker(&wasmtime).map_err(|error| EngineError::Engine(format!("{error:#}")))?;
        let weak = wasmtime.weak();
        let thread = thread::Builder::new().name("plugin-epoch".to_owned());
        thread.spawn(move || move_epoch(&weak)).map_err(|cause: io::Error| EngineError::Thread(cause))?;
        Ok(Self { wasmtime, linker: Arc::new(linker) })
    }
}

/// Everything that decides how a component runs, so that the same call gives the same result on every
/// machine: fuel is counted, not-a-number has one form, nothing depends on the processor's extras. The child
/// has the same, or its machine code would not be ours.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        // Multi-memory stays on: without it wasmtime panics on a component with inner components.
        .concurrency_support(false)
        // Registering it takes quadratic time when many modules come and go; our backtraces do without.
        .native_unwind_info(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .cranelift_opt_level(OptLevel::Speed);
    config
}

/// What a plugin can import: WASI, which shows it nothing (see [`CallState`]), and our log.
fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<CallState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    v0_1::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// A thread and no task: it has to run while plugins keep every worker of the runtime busy.
fn move_epoch(engine: &EngineWeak) {
    loop {
        thread::sleep(EPOCH);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}
