//! Stage `assign`: the strategy, and the generation of its plugin that serves this turn to its end.

use tokio::time::Instant;

use super::faults;
use super::values::{Assigned, Deps, Due};
use crate::domain::event::TurnEnd;
use crate::domain::fault::{Fault, Stage};
use crate::store::Pin;

pub(super) async fn pin(due: Due, deadline: Instant, deps: &Deps) -> Result<Assigned, TurnEnd> {
    let name = deps.routing.strategy_for(&due.persona);
    let strategy = deps.strategies.get(name).cloned().ok_or_else(|| {
        Fault::new(Stage::Assign, "no-strategy", format!("there is no strategy {name}"))
            .hint("add [strategies.…] to the configuration, or correct [routing]")
    })?;
    let generation = deps.registry.current(&strategy.plugin).ok_or_else(|| {
        let message = format!("strategy {name} uses the plugin {}, which is not loaded", strategy.plugin);
        Fault::new(Stage::Assign, "no-plugin", message)
            .hint("the log tells at start why it was refused; put a good NAME.wasm into plugins.dir")
    })?;
    let model = strategy.model.clone().unwrap_or_else(|| deps.settings.model.clone());
    let pin = Pin {
        strategy: strategy.name.clone(),
        settings: strategy.settings.clone(),
        settings_hash: strategy.settings_hash(),
        plugin: generation.plugin().clone(),
        plugin_version: generation.descriptor().version.clone(),
        generation: generation.number(),
        plugin_sha256: generation.digest().clone(),
        model: model.clone(),
    };
    deps.ledger.pin(due.turn, &pin).await.map_err(|error| faults::ledger(Stage::Assign, &error))?;
    let Due { turn, attempt, persona } = due;
    Ok(Assigned { turn, attempt, persona, strategy, generation, model, deadline })
}
