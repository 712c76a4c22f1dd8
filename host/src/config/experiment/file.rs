//! Experiment files: found in a folder, and read.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::plan::checked;
use super::unmeant::Unmeant;
use super::written::Written;
use crate::config::ConfigError;
use crate::config::file::syntax;
use domain::experiment::Experiment;
use domain::ids::StrategyName;

/// Reads the text of an experiment file. `strategies` are the ones that there are.
///
/// # Errors
/// When it is no TOML, has a key that does not exist, or cannot be meant.
pub fn parse_experiment(
    path: &Path,
    text: &str,
    strategies: &BTreeSet<StrategyName>,
) -> Result<Experiment, ConfigError> {
    let written: Written = toml::from_str(text).map_err(|error| syntax(path, text, &error))?;
    checked(written, strategies).map_err(|Unmeant { problem, hint }| ConfigError::Experiment {
        path: path.to_owned(),
        problem,
        hint,
    })
}

/// Reads an experiment file.
///
/// # Errors
/// See [`parse_experiment`]; also when it cannot be read.
pub fn read_experiment(path: &Path, strategies: &BTreeSet<StrategyName>) -> Result<Experiment, ConfigError> {
    let text = read_file(path).map_err(|cause| ConfigError::NoExperiment { path: path.to_owned(), cause })?;
    parse_experiment(path, &text, strategies)
}

fn read_file(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        // Opening a pipe would wait for somebody who writes.
        return Err(io::Error::other("it is no regular file"));
    }
    std::fs::read_to_string(path)
}

/// The experiment files of a folder, by name. A folder that does not exist has none.
#[must_use]
pub fn experiment_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files
}
