//! A secret from a variable, or from the file that a variable names.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use secrecy::SecretString;

use super::ConfigError;

/// A secret, and where it was.
pub(super) struct Found {
    pub(super) secret: SecretString,
    /// `NAME` or `NAME_FILE`.
    pub(super) variable: String,
    /// It was in a file that every user of the machine may read.
    pub(super) is_open: bool,
}

/// The secret in `$NAME`, or in the file that `$NAME_FILE` names, without its last line break.
pub(super) fn read(
    environment: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<Found>, ConfigError> {
    let variable = format!("{name}_FILE");
    let path = environment(&variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = match (environment(name), path) {
        // One of the two is old, and nobody can tell which.
        (Some(value), Some(_)) if !value.is_empty() => {
            return Err(ConfigError::Twice { name: name.to_owned() });
        }
        (_, Some(path)) => path,
        (Some(value), None) => {
            return Ok(Some(Found { secret: value.into(), variable: name.to_owned(), is_open: false }));
        }
        (None, None) => return Ok(None),
    };
    match std::fs::read_to_string(&path) {
        // Who names a file means a secret; an empty one is a mount that failed.
        Ok(text) if text.trim().is_empty() => Err(ConfigError::EmptySecret { name: variable, path }),
        Ok(text) => {
            let is_open = path.metadata().is_ok_and(|file| file.permissions().mode() & 0o004 != 0);
            let secret = text.trim_end_matches(['\r', '\n']).to_owned().into();
            Ok(Some(Found { secret, variable, is_open }))
        }
        Err(cause) => Err(ConfigError::SecretFile { name: variable, path, cause }),
    }
}
