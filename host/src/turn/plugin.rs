//! What every plugin call leaves behind: an event, its log lines, the problems that were found.

use super::deps::Deps;
use super::faults;
use super::values::Assigned;
use crate::behavior::{CallError, Called, Quarantine, Refusal, Trial, Turning, Verdict};
use domain::event::Event;
use domain::fault::Stage;
use domain::plugin::ServedAs;
use domain::turn_end::TurnEnd;

/// Records a call, and gives its answer.
pub(super) async fn record<T>(
    turn: &Assigned,
    stage: Stage,
    called: Called<T>,
    deps: &Deps,
) -> Result<Result<T, CallError>, TurnEnd> {
    let plugin = turn.generation.plugin();
    deps.events.emit(Event::PluginCalled {
        turn: turn.turn,
        plugin: plugin.clone(),
        generation: turn.generation.number(),
        stage,
        function: called.function,
        outcome: called.result.as_ref().map_or_else(CallError::code, |_| "ok"),
        fuel: called.fuel,
        memory: called.memory,
        took: called.took,
    });
    let probation = turn.probation.as_deref();
    let turning = deps.registry.book(&turn.generation, &turn.strategy.name, &called, probation);
    tell_turning(turn, turning, deps);
    if let Some(verdict) = Verdict::of(&called) {
        judge(turn, verdict, deps);
    }
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

/// Counts the turn for a generation on trial, and tells how the trial ended.
pub(super) fn judge(turn: &Assigned, verdict: Verdict, deps: &Deps) {
    if turn.served_as != ServedAs::Canary {
        return;
    }
    let plugin = turn.generation.plugin().clone();
    match deps.registry.judge(&turn.generation, verdict) {
        None => {}
        Some(Trial::Promoted(generation)) => {
            deps.events.emit(Event::PluginRecovered { plugin, generation, after_trial: true });
        }
        Some(Trial::Withdrawn(refusal)) => tell_refused(refusal, deps),
    }
}

/// Tells of a build that turned out to be no good.
pub(super) fn tell_refused(refusal: Refusal, deps: &Deps) {
    deps.events.emit(Event::PluginRefused {
        plugin: refusal.plugin,
        stage: refusal.stage.name(),
        cause: refusal.message,
        hint: refusal.hint,
        still_serving: refusal.still_serving,
    });
}

fn tell_turning(turn: &Assigned, turning: Option<Turning>, deps: &Deps) {
    let (plugin, generation) = (turn.generation.plugin().clone(), turn.generation.number());
    match turning {
        None => {}
        Some(Turning::Recovered) => {
            deps.events.emit(Event::PluginRecovered { plugin, generation, after_trial: false });
        }
        Some(Turning::Quarantined(Quarantine { function, cause, until, .. })) => {
            deps.events.emit(Event::PluginQuarantined { plugin, generation, function, cause, until });
        }
    }
}
