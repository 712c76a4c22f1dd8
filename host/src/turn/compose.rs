//! Stage `compose`: the plugin turns persona, date, tools and memory into the question.

use serde_json::Value;

use super::deps::Deps;
use super::values::{Assigned, Composed, Equipped};
use super::{faults, plugin};
use crate::behavior::CallError;
use crate::engine::Intent;
use crate::store::{LedgerError, tools_digest};
use domain::behavior::{FailureKind, OfferedTool, TurnContext, TurnRequest};
use domain::experiment::{Exposure, PhaseArm};
use domain::fault::Stage;
use domain::ids::Sha256Hex;
use domain::plugin::ServedAs;
use domain::step::StepKey;
use domain::tool::Tool;
use domain::transcript::{Opening, Phase};
use domain::turn_end::TurnEnd;

pub(super) async fn ask_plugin(equipped: Equipped, deps: &Deps) -> Result<Composed, TurnEnd> {
    let turn = &equipped.turn;
    let context = context(&equipped, deps).await?;
    deps.ledger.keep_context(turn.turn, &turn.persona, &context, &equipped.tools);
    let opening = open(&equipped, &context, deps).await?;
    Ok(Composed { equipped, context, opening })
}

/// The same for a turn that goes on: what it was begun with is known, and so is what it opened with.
pub(super) async fn go_on(
    equipped: Equipped,
    context: TurnContext,
    deps: &Deps,
) -> Result<Composed, TurnEnd> {
    let opening = open(&equipped, &context, deps).await?;
    Ok(Composed { equipped, context, opening })
}

/// What the main phase opens with. Everything that is asked and done afterwards stands on it.
async fn open(equipped: &Equipped, context: &TurnContext, deps: &Deps) -> Result<Opening, TurnEnd> {
    let compose = |_| compose(equipped, context, deps);
    let opened = equipped.turn.steps.once(&StepKey::opening(Phase::Main), Intent::None, compose).await;
    Ok(opened.map_err(|error| faults::steps(Stage::Compose, &error))??.value)
}

async fn compose(equipped: &Equipped, context: &TurnContext, deps: &Deps) -> Result<Opening, TurnEnd> {
    let Equipped { turn, tools, .. } = equipped;
    let called = turn.generation.compose_turn(&turn.strategy, &turn.persona, context).await;
    match plugin::record(turn, Stage::Compose, called, deps).await? {
        Ok(request) => {
            expose(turn, context, deps).await?;
            Ok(opening(request, tools, deps.settings.max_tokens))
        }
        Err(CallError::Failed(failure)) if failure.kind == FailureKind::Skip => {
            Err(TurnEnd::Skipped { reason: failure.message, until: None })
        }
        Err(error) => Err(faults::plugin(Stage::Compose, &error).into()),
    }
}

/// With the tools that there are and that the plugin lets the model use.
pub(super) fn opening(request: TurnRequest, tools: &[Tool], max_tokens: u32) -> Opening {
    let TurnRequest { system, user, allowed_tools, max_rounds } = request;
    let is_allowed = |tool: &&Tool| allowed_tools.as_ref().is_none_or(|allowed| allowed.contains(&tool.name));
    let tools = tools.iter().filter(is_allowed).map(|tool| tool.name.clone()).collect();
    Opening { system, user, tools, max_rounds, max_tokens: Some(max_tokens), reply_schema: None }
}

/// The arm's own prompt is composed: only now is the persona exposed to it. What a fallback composes, or a
/// build on trial, is not the arm.
async fn expose(turn: &Assigned, context: &TurnContext, deps: &Deps) -> Result<(), TurnEnd> {
    let Some(role) = turn.role.as_ref().filter(|_| turn.served_as == ServedAs::Live) else { return Ok(()) };
    let exposure = Exposure {
        arm: PhaseArm {
            arm: role.place.arm.clone(),
            strategy: turn.strategy.name.to_string(),
            plugin: turn.generation.plugin().to_string(),
            plugin_sha256: turn.generation.digest().to_string(),
            settings_hash: turn.strategy.settings_hash().to_string(),
            model: match deps.claude.is_scripted() {
                true => PhaseArm::scripted(&turn.model),
                false => turn.model.clone(),
            },
            tools_sha256: Some(tools_digest(&context.tools).to_string()),
        },
        generation: turn.generation.number(),
        persona_sha256: Sha256Hex::of(turn.persona.system_prompt.as_bytes()),
    };
    let kept = deps.ledger.expose(turn.turn, &role.place, &exposure).await;
    kept.map_err(|error| faults::ledger(Stage::Compose, &error))?;
    Ok(())
}

/// What the persona remembers. An arm begins with what was remembered under its strategy.
async fn remembered(turn: &Assigned, deps: &Deps) -> Result<Option<Value>, LedgerError> {
    let own = deps.ledger.memory(&turn.persona.id, &turn.memory_line).await?;
    if own.is_some() || turn.role.is_none() {
        return Ok(own);
    }
    deps.ledger.memory(&turn.persona.id, &turn.strategy.name).await
}

/// Everything that varies from turn to turn. The same context serves all three calls of the turn.
async fn context(equipped: &Equipped, deps: &Deps) -> Result<TurnContext, TurnEnd> {
    let turn = &equipped.turn;
    let now = deps.way.moment(&turn.turn.to_string(), deps.clock.now());
    let memory = remembered(turn, deps).await;
    let millis = |at: chrono::DateTime<chrono::Utc>| u64::try_from(at.timestamp_millis()).unwrap_or(0);
    let offered = equipped.tools.iter().map(|tool| OfferedTool {
        name: tool.name.clone(),
        module: tool.module().to_owned(),
        description: tool.description.clone(),
    });
    Ok(TurnContext {
        turn_id: turn.turn.to_string(),
        now_ms: millis(now),
        local_date: now.with_timezone(&deps.settings.zone_of(&turn.persona)).date_naive().to_string(),
        last_active_ms: turn.persona.last_active_at.map(millis),
        seed: turn.seed,
        tools: offered.collect(),
        memory: memory.map_err(|error| faults::ledger(Stage::Compose, &error))?,
    })
}
