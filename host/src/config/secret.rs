//! Secrets: from a variable, or from the file that a variable names.

use std::path::PathBuf;

use secrecy::SecretString;

use super::ConfigError;

/// The secret in `$NAME`, or in the file that `$NAME_FILE` names, without its last line break; and
/// which of the two variables it was.
pub(super) fn read(
    environment: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<(SecretString, String)>, ConfigError> {
    if let Some(value) = environment(name) {
        return Ok(Some((value.into(), name.to_owned())));
    }
    let variable = format!("{name}_FILE");
    let Some(path) = environment(&variable).filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((text.trim_end_matches(['\r', '\n']).to_owned().into(), variable))),
        Err(cause) => Err(ConfigError::SecretFile { name: variable, path, cause }),
    }
}
