//! Stage `assign`: the strategy, and the generation of its plugin that serves this turn to its end.

use std::sync::Arc;

use super::deps::Deps;
use super::values::{Assigned, Due, Role};
use super::{enrol, faults, foresee, plugin};
use crate::behavior::{NotRecalled, Pin, Pinned, Unserved};
use crate::engine::Steps;
use crate::model::LeftAlone;
use crate::store::{self, LedgerError};
use domain::code::Code;
use domain::event::Event;
use domain::fault::{Fault, Stage};
use domain::playing::Playing;
use domain::strategy::Strategy;
use domain::turn_end::TurnEnd;

/// For a turn that begins.
pub(super) async fn pin(due: Due, steps: Arc<dyn Steps>, deps: &Deps) -> Result<Assigned, TurnEnd> {
    let role = enrol::role(&due, deps).await?;
    let strategy = match &role {
        Some(role) => role.strategy(deps)?,
        None => routed(&due, deps)?,
    };
    let Pin { served, refused } = deps.registry.pin(&strategy, &due.persona.id).await;
    refused.into_iter().for_each(|refusal| plugin::tell_refused(refusal, deps));
    let pinned = served.map_err(|why| unserved(&strategy, why))?;
    let Pinned { generation, served_as, strategy, .. } = &pinned;
    let model = strategy.model.clone().unwrap_or_else(|| deps.settings.model.clone());
    let pin = store::Pin {
        strategy: strategy.name.clone(),
        settings: strategy.settings.clone(),
        settings_hash: strategy.settings_hash(),
        plugin: generation.plugin().clone(),
        plugin_version: generation.descriptor().version.clone(),
        generation: generation.number(),
        plugin_sha256: generation.digest().clone(),
        served_as: *served_as,
        model: model.clone(),
    };
    deps.ledger.pin(due.turn, &pin);
    is_asked(&model, deps)?;
    Ok(told(assigned(due, steps, role, pinned, model), deps))
}

/// For a turn that goes on: as it was, to its end.
pub(super) async fn keep(
    due: Due,
    steps: Arc<dyn Steps>,
    pin: &store::Pin,
    deps: &Deps,
) -> Result<Assigned, TurnEnd> {
    let role = enrol::role(&due, deps).await?;
    let lost = |error: LedgerError| faults::ledger(Stage::Assign, &error);
    let model = foresee::goes_on_with(due.turn, deps).await.map_err(lost)?;
    let model = model.unwrap_or_else(|| pin.model.clone());
    is_asked(&model, deps)?;
    if model != pin.model {
        deps.ledger.pin(due.turn, &store::Pin { model: model.clone(), ..pin.clone() });
    }
    let plain = || Arc::new(Strategy::plain(pin.strategy.clone(), pin.plugin.clone()));
    let configured = deps.strategies.get(&pin.strategy).cloned().unwrap_or_else(plain);
    let strategy = Strategy {
        plugin: pin.plugin.clone(),
        settings: pin.settings.clone(),
        model: Some(model.clone()),
        ..Strategy::clone(&configured)
    };
    let recalled = deps.registry.recall(&pin.plugin, &pin.plugin_sha256).await;
    let generation = recalled.map_err(|NotRecalled { why, for_good }| match for_good {
        true => Fault::build_gone(&why),
        false => Fault::new(Stage::Assign, Code::BuildUnavailable, why),
    })?;
    let pinned =
        Pinned { generation, served_as: pin.served_as, strategy: Arc::new(strategy), probation: None };
    Ok(told(assigned(due, steps, role, pinned, model), deps))
}

/// Tells who plays the turn from here on.
fn told(turn: Assigned, deps: &Deps) -> Assigned {
    let playing = Playing {
        strategy: turn.strategy.name.clone(),
        arm: turn.spender().arm,
        plugin: turn.generation.plugin().clone(),
        generation: turn.generation.number(),
        sha256: turn.generation.digest().clone(),
        served_as: turn.served_as,
        model: turn.model.clone(),
    };
    deps.events.emit(Event::TurnAssigned { turn: turn.turn, playing: Box::new(playing) });
    turn
}

/// Not to sign in for nothing: a model that is left alone would stop the turn at its first call.
fn is_asked(model: &str, deps: &Deps) -> Result<(), Fault> {
    let all = deps.claude.left_alone();
    match all.into_iter().find(|own| own.is_of(model) && own.state != LeftAlone::TRIED) {
        None => Ok(()),
        Some(left_alone) => {
            Err(Fault::new(Stage::Assign, Code::ClaudeAway, left_alone.to_string()).excused())
        }
    }
}

fn assigned(due: Due, steps: Arc<dyn Steps>, role: Option<Role>, pinned: Pinned, model: String) -> Assigned {
    let Pinned { generation, served_as, strategy, probation } = pinned;
    let memory_line = role.as_ref().map_or_else(|| strategy.name.clone(), Role::memory_line);
    let seed = role.as_ref().map_or_else(|| due.turn.seed(), |role| role.seed(&due));
    let Due { turn, persona, stop, .. } = due;
    Assigned {
        turn,
        steps,
        persona,
        strategy,
        generation,
        served_as,
        probation,
        model,
        role,
        memory_line,
        seed,
        stop,
    }
}

/// The strategy that the configuration gives to the persona.
fn routed(due: &Due, deps: &Deps) -> Result<Arc<Strategy>, Fault> {
    let name = deps.routing.strategy_for(&due.persona);
    deps.strategies.get(name).cloned().ok_or_else(|| {
        Fault::new(Stage::Assign, Code::NoStrategy, format!("there is no strategy {name}"))
            .hint("add [strategies.…] to the configuration, or correct [routing]")
    })
}

/// Why the turn ends before it began. A plugin in quarantine is no fault of the turn, which is left out.
fn unserved(strategy: &Strategy, why: Unserved) -> TurnEnd {
    let Strategy { name, plugin, .. } = strategy;
    let fault = |code, message: String| Fault::new(Stage::Assign, code, message);
    match why {
        Unserved::NotLoaded => {
            let message = format!("strategy {name} uses the plugin {plugin}, which is not loaded");
            let hint =
                "`persona-host plugin list` tells why it was refused; put a good NAME.wasm into plugins.dir";
            fault(Code::NoPlugin, message).hint(hint).into()
        }
        Unserved::Settings(said) => {
            let message =
                format!("the plugin {plugin} does not take the settings of strategy {name}: {said}");
            fault(Code::SettingsRefused, message)
                .hint(format!("correct `settings` in [strategies.{name}]"))
                .into()
        }
        Unserved::Quarantined(quarantine) => {
            let until = quarantine.until.format("%Y-%m-%d %H:%M:%S UTC");
            let function = quarantine.function;
            let reason = format!(
                "the plugin {plugin} broke down too often in {function} and is quarantined until {until}"
            );
            TurnEnd::Skipped { reason, until: Some(quarantine.until) }
        }
    }
}
