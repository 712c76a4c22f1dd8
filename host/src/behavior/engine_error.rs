//! What can keep the engine from starting.

use std::io;
use std::path::PathBuf;

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
