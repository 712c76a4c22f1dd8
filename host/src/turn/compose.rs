//! Stage `compose`: the plugin turns persona, date, tools and memory into the question.

use super::values::{Composed, Deps, Equipped};
use super::{faults, plugin};
use crate::behavior::CallError;
use crate::domain::behavior::{FailureKind, OfferedTool, TurnContext};
use crate::domain::event::TurnEnd;
use crate::domain::fault::Stage;

pub(super) async fn ask_plugin(equipped: Equipped, deps: &Deps) -> Result<Composed, TurnEnd> {
    let turn = &equipped.turn;
    let context = context(&equipped, deps).await?;
    let kept = deps.ledger.keep_context(turn.turn, &turn.persona, &context).await;
    kept.map_err(|error| faults::ledger(Stage::Compose, &error))?;
    let called = turn.generation.compose_turn(&turn.strategy, &turn.persona, &context).await;
    match plugin::record(turn, Stage::Compose, called, deps).await? {
        Ok(request) => Ok(Composed { equipped, context, request }),
        Err(CallError::Failed(failure)) if failure.kind == FailureKind::Skip => {
            Err(TurnEnd::Skipped { reason: failure.message })
        }
        Err(error) => Err(faults::plugin(Stage::Compose, &error).into()),
    }
}

/// Everything that varies from turn to turn. The same context serves all three calls of the turn.
async fn context(equipped: &Equipped, deps: &Deps) -> Result<TurnContext, TurnEnd> {
    let turn = &equipped.turn;
    let now = deps.clock.now();
    let memory = deps.ledger.memory(&turn.persona.id, &turn.strategy.name).await;
    let millis = |at: chrono::DateTime<chrono::Utc>| u64::try_from(at.timestamp_millis()).unwrap_or(0);
    let offered = equipped.tools.iter().map(|tool| OfferedTool {
        name: tool.name.clone(),
        module: tool.module().to_owned(),
        description: tool.description.clone(),
    });
    Ok(TurnContext {
        turn_id: turn.turn.to_string(),
        now_ms: millis(now),
        local_date: now.with_timezone(&deps.settings.time_zone).date_naive().to_string(),
        last_active_ms: turn.persona.last_active_at.map(millis),
        seed: turn.turn.seed(),
        tools: offered.collect(),
        memory: memory.map_err(|error| faults::ledger(Stage::Compose, &error))?,
    })
}
