//! One wasmtime engine per process: how components are compiled, and the thread that moves the epoch.

use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::{Cache, CacheConfig, Config, EngineWeak, OptLevel, WasmBacktraceDetails};

use super::state::CallState;
use super::v0_1;

/// How often a call is interrupted to look at the clock and to let other tasks run.
const EPOCH: Duration = Duration::from_millis(10);

/// What an engine is made with.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// The folder for compiled code. It is made if it is missing, and its content is trusted: nobody
    /// else may write there. `None`: everything is compiled at each start.
    pub cache_dir: Option<PathBuf>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("generations", &self.generations()).finish_non_exhaustive()
    }
}

/// The WebAssembly engine. Clones share it. It ends, with its thread, when the last clone and the
/// last generation are gone.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) linker: Arc<Linker<CallState>>,
    /// One compilation at a time: it uses every core, and is not bounded by wasmtime.
    pub(super) compiling: Arc<Semaphore>,
    /// How many generations there are; each holds a clone.
    pub(super) generations: Arc<()>,
    cache: Option<Cache>,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The folder for compiled code is of no use.
    #[error(
        "cannot use {path} as the folder for compiled plugins: {cause}; make it writable for this user, or choose another"
    )]
    CacheDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// wasmtime does not start on this machine.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// No thread for the epoch.
    #[error("cannot start the thread that interrupts plugins: {0}")]
    Thread(#[source] io::Error),
}

impl Engine {
    /// Starts the engine and its epoch thread.
    ///
    /// # Errors
    /// When the folder for compiled code cannot be used, or the machine is not supported.
    pub fn new(options: &EngineOptions) -> Result<Self, EngineError> {
        let mut config = config();
        let cache = options.cache_dir.as_deref().map(cache).transpose()?;
        config.cache(cache.clone());
        let engine =
            wasmtime::Engine::new(&config).map_err(|error| EngineError::Engine(format!("{error:#}")))?;
        let linker = linker(&engine).map_err(|error| EngineError::Engine(format!("{error:#}")))?;
        let weak = engine.weak();
        thread::Builder::new()
            .name("plugin-epoch".to_owned())
            .spawn(move || move_epoch(&weak))
            .map_err(EngineError::Thread)?;
        Ok(Self {
            wasmtime: engine,
            linker: Arc::new(linker),
            compiling: Arc::new(Semaphore::new(1)),
            generations: Arc::default(),
            cache,
        })
    }

    /// How many generations are in memory: those that serve, and those that a turn still holds.
    #[must_use]
    pub fn generations(&self) -> usize {
        Arc::strong_count(&self.generations) - 1
    }

    /// How often compiled code was found in the cache, and how often not.
    #[must_use]
    pub fn cache_uses(&self) -> (usize, usize) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.cache_hits(), cache.cache_misses()))
    }
}

/// Everything that decides how a component runs, so that the same call gives the same result on every
/// machine: fuel is counted, not-a-number has one form, nothing depends on the processor's extras.
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

fn cache(path: &Path) -> Result<Cache, EngineError> {
    let refused = |cause: String| EngineError::CacheDir { path: path.to_owned(), cause };
    make_private(path).map_err(|error| refused(error.to_string()))?;
    let path = path.canonicalize().map_err(|error| refused(error.to_string()))?;
    let mut config = CacheConfig::new();
    config.with_directory(path);
    Cache::new(config).map_err(|error| refused(format!("{error:#}")))
}

/// The folder holds machine code that is run as it is.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_folder_for_compiled_code_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache_dir = folder.path().join("a").join("b");
        Engine::new(&EngineOptions { cache_dir: Some(cache_dir.clone()) }).expect("an engine");
        let mode = cache_dir.metadata().expect("it was made").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let cache_dir = file.path().join("below-a-file");
        let error = Engine::new(&EngineOptions { cache_dir: Some(cache_dir.clone()) })
            .expect_err("a file is no folder");
        assert!(error.to_string().contains(&cache_dir.display().to_string()), "{error}");
    }
}
