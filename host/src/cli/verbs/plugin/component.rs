//! The component that an author names: from a path to bytes, and to a plugin that can be called.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::behavior::{Engine, EngineOptions, Generation, Refusal, Source};
use crate::cli::{Exit, Failure, load};
use crate::domain::ids::{GenerationNumber, PluginName, StrategyName};
use crate::domain::strategy::{Limits, Strategy};

/// Reads a component, as the plugin that its file is named for.
///
/// # Errors
/// When there is no such file, or it is too large.
pub(super) fn read(path: &Path) -> Result<Source, Failure> {
    let problem = match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_dir() => Some("it is a folder".to_owned()),
        Ok(_) => None,
        Err(error) => Some(error.to_string()),
    };
    if let Some(problem) = problem {
        let message = format!("{} cannot be read: {problem}", path.display());
        return Err(Failure::new(Exit::File, message).hint("name a component: a file that ends in .wasm"));
    }
    Source::read(&plugin(path), path).map_err(|refusal| refused(path, &refusal))
}

/// Loads a component as the host does, and says how long that took.
///
/// # Errors
/// When it is refused.
pub(super) async fn loaded(
    path: &Path,
    source: Source,
    config: Option<&Path>,
) -> Result<(Generation, Duration), Failure> {
    let cache_dir = load::config(config)?.plugins.cache_dir;
    let engine = Engine::new(&EngineOptions { cache_dir })?;
    let began = Instant::now();
    let generation = engine.load(source, GenerationNumber(1)).await;
    let generation = generation.map_err(|refusal| refused(path, &refusal))?;
    Ok((generation, began.elapsed()))
}

/// The plugin that the host would take this file for.
pub(super) fn plugin(path: &Path) -> PluginName {
    PluginName::new(path.file_stem().unwrap_or_default().to_string_lossy())
}

/// A strategy of this plugin with `settings` and the usual limits.
pub(super) fn strategy(plugin: &PluginName, settings: Value) -> Strategy {
    Strategy {
        name: StrategyName::new(plugin.as_str()),
        plugin: plugin.clone(),
        settings,
        model: None,
        limits: Limits::default(),
    }
}

/// A component that is not taken: one sentence, and what to do.
fn refused(path: &Path, refusal: &Refusal) -> Failure {
    let stage = refusal.stage.name();
    let message = format!("{} is refused ({stage}): {}", path.display(), refusal.message);
    Failure::new(Exit::BadInput, message).hint(&refusal.hint)
}
