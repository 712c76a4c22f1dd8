//! From the command line to a configuration.

use std::path::Path;

use crate::config::{Config, ConfigError, File, resolve};

/// The file that is read when none is named.
const USUAL_FILE: &str = "persona-host.toml";

/// The configuration file that was named, or the usual one if there is one.
///
/// # Errors
/// When a file that was named cannot be read, or has mistakes.
pub fn file(named: Option<&Path>) -> Result<File, ConfigError> {
    match named {
        Some(path) => File::read(path),
        None if Path::new(USUAL_FILE).is_file() => File::read(Path::new(USUAL_FILE)),
        None => Ok(File::default()),
    }
}

/// The whole configuration.
///
/// # Errors
/// When the file or the environment has a value that cannot be used.
pub fn config(named: Option<&Path>) -> Result<Config, ConfigError> {
    resolve(file(named)?, &variable)
}

/// A variable of the process's environment.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
