//! From environment, file and defaults to one complete configuration.

use std::path::PathBuf;

use self::sources::{Sources, shown_path};
pub(super) use self::strategies::json_of;
use super::place;
use super::settings::Config;
use super::shown::Origin;
use super::{ConfigError, File};

mod budget;
mod http;
mod log;
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
mod traces;

/// Puts a configuration together. `environment` gives a variable's value.
///
/// # Errors
/// When a value cannot be used.
pub fn resolve(file: File, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let written = file.written.clone();
    let origin = written.as_ref().map_or(Origin::Default, |written| Origin::File(written.path.clone()));
    let mut sources = Sources { environment, file: origin, shown: Vec::new(), open_secrets: Vec::new() };
    let whole = whole(&mut sources, file);
    whole.map_err(|error| place::told(error, &sources.shown, written.as_ref()))
}

fn whole(sources: &mut Sources<'_>, file: File) -> Result<Config, ConfigError> {
    let runner = runner::runner(sources, file.runner)?;
    let schedule = schedule::schedule(sources, file.schedule, &runner)?;
    let log_filter = log::filter(sources, file.log)?;
    let http = http::http(sources, file.http)?;
    let mana = mana::mana(sources, file.mana)?;
    let model = model::model(sources, file.model)?;
    let plugins = plugins::plugins(sources, file.plugins)?;
    let store = store::store(sources, file.store)?;
    let experiments =
        sources.pick("experiments.dir", file.experiments.dir, PathBuf::from("experiments"), shown_path);
    let allowed_hosts = sources.hosts("outbound.allowed_hosts", file.outbound.allowed_hosts)?;
    let strategies = strategies::strategies(sources, file.strategies);
    strategies.iter().try_for_each(plugins::check_tools)?;
    let routing = strategies::routing(sources, file.routing, &strategies)?;
    let budget = budget::budget(sources, file.budget, &strategies)?;
    let traces = traces::traces(sources)?;
    Ok(Config {
        runner,
        schedule,
        log_filter,
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
        traces,
        open_secrets: std::mem::take(&mut sources.open_secrets),
        shown: std::mem::take(&mut sources.shown),
        written: file.written,
    })
}
