//! The strategies, and who is under which.

use std::collections::BTreeMap;

use serde_json::Value;

use super::plugins;
use super::sources::Sources;
use crate::config::shown::Origin;
use crate::config::{ConfigError, file};
use domain::ids::{PluginName, StrategyName};
use domain::strategy::{Routing, Strategy, ToolRules};

/// The strategies of the file; without any, one for each plugin that is built in.
pub(super) fn strategies(sources: &mut Sources<'_>, file: BTreeMap<String, file::Strategy>) -> Vec<Strategy> {
    let built_in =
        ["daily", "brief"].map(|name| Strategy::plain(StrategyName::new(name), PluginName::new(name)));
    let said: BTreeMap<String, plugins::Said> =
        file.iter().map(|(name, strategy)| (name.clone(), plugins::Said::of(strategy))).collect();
    let own = file.into_iter().map(|(name, strategy)| Strategy {
        name: StrategyName::new(name),
        plugin: PluginName::new(strategy.plugin),
        settings: json_of(toml::Value::Table(strategy.settings)),
        model: strategy.model,
        limits: plugins::limits(&strategy.limits),
        fallback: strategy.fallback.unwrap_or_else(|| Strategy::USUAL_FALLBACK.to_vec()),
        tools: ToolRules { allow: strategy.tools.allow, cap: strategy.tools.cap },
    });
    let mut strategies: Vec<Strategy> = own.collect();
    let written = strategies.len();
    for strategy in built_in {
        if !strategies.iter().any(|own| own.name == strategy.name) {
            strategies.push(strategy);
        }
    }
    for (position, strategy) in strategies.iter().enumerate() {
        let origin = if position < written { sources.file.clone() } else { Origin::Default };
        let value = format!("plugin {}, settings {}", strategy.plugin, strategy.settings);
        sources.show(&format!("strategies.{}", strategy.name), value, origin);
        let said = said.get(strategy.name.as_str()).copied().unwrap_or_default();
        plugins::show_call(sources, strategy, said);
    }
    strategies
}

pub(super) fn routing(
    sources: &mut Sources<'_>,
    file: file::Routing,
    strategies: &[Strategy],
) -> Result<Routing, ConfigError> {
    let default = sources.pick("routing.default", file.default, "daily".to_owned(), Clone::clone);
    let named = |entries: BTreeMap<String, String>| {
        entries.into_iter().map(|(who, name)| (who, StrategyName::new(name))).collect()
    };
    let routing = Routing {
        default: StrategyName::new(default),
        archetypes: named(file.archetypes),
        personas: named(file.personas),
    };
    let groups = [("archetypes", &routing.archetypes), ("personas", &routing.personas)];
    let entries = groups.iter().flat_map(|(group, entries)| {
        entries.iter().map(move |(who, name)| (format!("routing.{group}.{who}"), name))
    });
    let entries: Vec<_> = entries.collect();
    for (key, name) in &entries {
        let origin = sources.file.clone();
        sources.show(key, name.to_string(), origin);
    }
    let all = entries.into_iter().chain([("routing.default".to_owned(), &routing.default)]);
    for (key, name) in all {
        if !strategies.iter().any(|strategy| strategy.name == *name) {
            let known: Vec<_> = strategies.iter().map(|strategy| strategy.name.as_str()).collect();
            return Err(ConfigError::NoSuchStrategy { key, name: name.to_string(), known: known.join(", ") });
        }
    }
    Ok(routing)
}

pub(in crate::config) fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, json_of(value))).collect())
        }
    }
}
