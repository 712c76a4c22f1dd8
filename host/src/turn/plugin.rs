//! What every plugin call leaves behind: an event, its log lines, the problems that were found.

use super::faults;
use super::values::{Assigned, Deps};
use crate::behavior::{CallError, Called};
use crate::domain::event::{Event, TurnEnd};
use crate::domain::fault::Stage;

/// Records a call, and gives its answer.
pub(super) async fn record<T>(
    turn: &Assigned,
    stage: Stage,
    called: Called<T>,
    deps: &Deps,
) -> Result<Result<T, CallError>, TurnEnd> {
    let plugin = turn.generation.plugin();
    deps.events.emit(Event::PluginCalled {
        plugin: plugin.clone(),
        generation: turn.generation.number(),
        function: called.function,
        outcome: called.result.as_ref().map_or_else(CallError::code, |_| "ok"),
        fuel: called.fuel,
        took: called.took,
    });
    let log = |level, message| {
        let (strategy, plugin) = (turn.strategy.name.clone(), plugin.clone());
        deps.events.emit(Event::PluginLogged { strategy, plugin, level, message });
    };
    for line in called.log {
        log(line.level.name(), line.message);
    }
    if called.log_dropped > 0 {
        log("warn", format!("{} lines before these were dropped", called.log_dropped));
    }
    let kept = deps.ledger.keep_problems(turn.turn, stage, &called.problems).await;
    kept.map_err(|error| faults::ledger(stage, &error))?;
    Ok(called.result)
}
