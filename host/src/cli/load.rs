//! From the command line to a configuration.

use std::path::Path;

use crate::config::{Config, ConfigError, File, SignIn, resolve};
use crate::mana::{Options, SignInForm};

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

/// What the client of mana-auth is made with.
#[must_use]
pub fn mana_options(config: &Config) -> Options {
    Options {
        auth_url: config.mana.auth_url.clone(),
        personas_url: config.mana.personas_url.clone(),
        service_key: config.mana.service_key.clone(),
        seed_secret: config.mana.seed_secret.clone(),
        sign_in: match config.mana.sign_in {
            SignIn::Auto => SignInForm::Auto,
            SignIn::Cookie => SignInForm::Cookie,
            SignIn::Bearer => SignInForm::Bearer,
        },
    }
}

/// A variable of the process's environment.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The names of the variables of the process's environment.
#[must_use]
pub fn variables() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
}

/// The program as it was called: who came here by `cargo run` has no persona-host in the path.
#[must_use]
pub fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "persona-host".to_owned())
}
