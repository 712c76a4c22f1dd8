//! From environment, file and defaults to one complete configuration.

use std::path::PathBuf;

use self::sources::{Sources, shown_path};
pub(super) use self::strategies::json_of;
use super::settings::Config;
use super::shown::Origin;
use super::{ConfigError, File};

mod budget;
mod http;
mod mana;
mod model;
mod plugins;
mod runner;
mod schedule;
mod sources;
mod store;
mod strategies;
#[cfg(test)]
mod tests;

/// Puts a configuration together. `environment` gives a variable's value.
///
/// # Errors
/// When a value cannot be used.
pub fn resolve(file: File, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let origin = file.path.clone().map_or(Origin::Default, Origin::File);
    let mut sources = Sources { environment, file: origin, shown: Vec::new(), open_secrets: Vec::new() };
    let runner = runner::runner(&mut sources, file.runner)?;
    let schedule = schedule::schedule(&mut sources, file.schedule, &runner)?;
    let http = http::http(&mut sources, file.http)?;
    let mana = mana::mana(&mut sources, file.mana)?;
    let model = model::model(&mut sources, file.model)?;
    let plugins = plugins::plugins(&mut sources, file.plugins)?;
    let store = store::store(&mut sources, file.store)?;
    let experiments =
        sources.pick("experiments.dir", file.experiments.dir, PathBuf::from("experiments"), shown_path);
    let allowed_hosts = sources.hosts("outbound.allowed_hosts", file.outbound.allowed_hosts)?;
    let strategies = strategies::strategies(&mut sources, file.strategies);
    strategies.iter().try_for_each(plugins::check_tools)?;
    let routing = strategies::routing(&mut sources, file.routing, &strategies)?;
    let budget = budget::budget(&mut sources, file.budget, &strategies)?;
    Ok(Config {
        runner,
        schedule,
        http,
        mana,
        model,
        plugins,
        store,
        experiments,
        budget,
        allowed_hosts,
        strategies,
        routing,
        open_secrets: sources.open_secrets,
        shown: sources.shown,
    })
}
