//! Whether the arms of an experiment can be played: each has a plugin that takes its settings. Found out before
//! anything is paid.

use std::collections::BTreeMap;

use crate::behavior::{Engine, Folder, Generation, Refusal, Trust};
use crate::cli::{Exit, Failure, load};
use crate::config::Config;
use domain::behavior::{Problem, Severity};
use domain::code::Code;
use domain::experiment::{Arm, Experiment};
use domain::ids::{GenerationNumber, PluginName};
use domain::strategy::Strategy;

/// Checks the arms against the plugins that a host with this configuration would load. Returns what they warn of.
///
/// # Errors
/// When a plugin cannot be loaded, or refuses the settings of an arm.
pub async fn check_arms(experiment: &Experiment, config: &Config) -> Result<Vec<String>, Failure> {
    let engine = Engine::new(&load::engine(config))?;
    let trust = load::trust(config)?;
    let folder = Folder::new(config.plugins.dir.clone());
    let mut loaded: BTreeMap<PluginName, Generation> = BTreeMap::new();
    let mut warnings = Vec::new();
    for arm in &experiment.arms {
        let named = config.strategies.iter().find(|own| own.name == arm.strategy);
        let strategy = strategy(experiment, arm, named)?;
        let plugin = &strategy.plugin;
        if !loaded.contains_key(plugin) {
            let generation = load_plugin(&engine, &trust, &folder, plugin).await;
            let generation = generation.map_err(|refusal| {
                unplayable(experiment, arm, &format!("its plugin is refused: {}", refusal.message))
                    .hint(refusal.hint)
            })?;
            loaded.insert(plugin.clone(), generation);
        }
        warnings.extend(check_settings(experiment, arm, &strategy, &loaded[plugin]).await?);
    }
    Ok(warnings)
}

/// A plugin as the host would load it.
async fn load_plugin(
    engine: &Engine,
    trust: &Trust,
    folder: &Folder,
    plugin: &PluginName,
) -> Result<Generation, Refusal> {
    let source = folder.read(plugin).await?;
    engine.load(&source, GenerationNumber(1), trust).await
}

/// The strategy that an arm plays, with the arm's own settings.
///
/// # Errors
/// When there is no such strategy.
pub fn strategy(experiment: &Experiment, arm: &Arm, named: Option<&Strategy>) -> Result<Strategy, Failure> {
    let missing = || {
        unplayable(experiment, arm, &format!("there is no strategy {}", arm.strategy))
            .hint("add a section [strategies.NAME] to the configuration, or correct `strategy` of the arm")
    };
    Ok(named.ok_or_else(missing)?.with_settings(&arm.settings))
}

/// What a loaded plugin warns of in the settings of an arm.
///
/// # Errors
/// When it refuses them, or breaks down.
pub async fn check_settings(
    experiment: &Experiment,
    arm: &Arm,
    strategy: &Strategy,
    generation: &Generation,
) -> Result<Vec<String>, Failure> {
    let found = generation.check_settings(strategy).await.result;
    let problems =
        found.map_err(|error| unplayable(experiment, arm, &error.to_string()).hint(error.hint()))?;
    if let Some(problem) = problems.iter().find(|problem| problem.severity == Severity::Error) {
        let why = format!("its settings are refused: {}", problem.message);
        return Err(unplayable(experiment, arm, &why).hint("correct `settings` of the arm"));
    }
    let warning = |problem: Problem| format!("the settings of the arm {}: {}", arm.name, problem.message);
    Ok(problems.into_iter().map(warning).collect())
}

/// An arm that cannot be played.
pub fn unplayable(experiment: &Experiment, arm: &Arm, why: &str) -> Failure {
    let message = format!("the arm {} of {} cannot be played: {why}", arm.name, experiment.key());
    Failure::new(Exit::BadInput, Code::ArmUnplayable, message)
}
