//! The component that an author names: from a path to bytes, to a plugin that can be called, and into a folder
//! that a host watches.

use std::fs::File;
use std::path::Path;

use serde_json::Value;

use crate::behavior::{Engine, Generation, Refusal, Source, Trust, no_file};
use crate::cli::{Exit, Failure, load};
use domain::code::Code;
use domain::ids::{GenerationNumber, PluginName, StrategyName};
use domain::strategy::Strategy;

/// Reads a component, as the plugin that its file is named for.
///
/// # Errors
/// When there is no such file, or it is too large.
pub(super) fn read(path: &Path) -> Result<Source, Failure> {
    let problem = match no_file(path) {
        Ok(Some(what)) => Some(what),
        Ok(None) => File::open(path).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(problem) = problem {
        let message = format!("{} cannot be read: {problem}", path.display());
        return Err(Failure::new(Exit::File, Code::FileUnreadable, message)
            .hint("name a component: a file that ends in .wasm"));
    }
    Source::read(&plugin(path), path).map_err(|refusal| refused(path, &refusal))
}

/// Loads components as the host does: with its trust, and its cache of compiled code.
#[derive(Debug)]
pub(super) struct Loader {
    engine: Engine,
    trust: Trust,
}

impl Loader {
    /// With what is configured. One is enough for a process: engines do not give back all memory.
    ///
    /// # Errors
    /// When the configuration or the folder for compiled code cannot be used.
    pub(super) fn new(config: Option<&Path>) -> Result<Self, Failure> {
        let config = load::config(config)?;
        let trust = load::trust(&config)?;
        let engine = Engine::new(&load::engine(&config))?;
        Ok(Self { engine, trust })
    }

    /// Loads a component.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn load(&self, path: &Path, source: &Source) -> Result<Generation, Failure> {
        let generation = self.engine.load(source, GenerationNumber(1), &self.trust).await;
        generation.map_err(|refusal| refused(path, &refusal))
    }
}

/// Loads a component that was built here: whoever builds it need not be trusted, and signs it afterwards.
///
/// # Errors
/// When it is refused.
pub(super) async fn own(path: &Path, source: &Source, config: Option<&Path>) -> Result<Generation, Failure> {
    let loader = Loader { trust: Trust::default(), ..Loader::new(config)? };
    loader.load(path, source).await
}

/// Loads one component.
///
/// # Errors
/// When it is refused.
pub(super) async fn loaded(
    path: &Path,
    source: &Source,
    config: Option<&Path>,
) -> Result<Generation, Failure> {
    Loader::new(config)?.load(path, source).await
}

/// Puts a component into a folder as the plugin `name`: written beside and renamed, so that nobody reads half of it.
pub(super) fn put(component: &Path, folder: &Path, name: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let beside = folder.join(format!(".{name}.part"));
    std::fs::copy(component, &beside)?;
    std::fs::rename(beside, folder.join(format!("{name}.wasm")))
}

/// The plugin that the host would take this file for.
pub(super) fn plugin(path: &Path) -> PluginName {
    PluginName::new(path.file_stem().unwrap_or_default().to_string_lossy())
}

/// A strategy of this plugin with `settings` and the usual limits.
pub(super) fn strategy(plugin: &PluginName, settings: Value) -> Strategy {
    let name = StrategyName::new(plugin.as_str());
    Strategy { settings, ..Strategy::plain(name, plugin.clone()) }
}

/// A component that is not taken: one sentence, and what to do.
fn refused(path: &Path, refusal: &Refusal) -> Failure {
    let stage = refusal.stage.name();
    let message = format!("{} is refused ({stage}): {}", path.display(), refusal.message);
    Failure::new(Exit::BadInput, refusal.stage.code(), message).hint(&refusal.hint)
}
