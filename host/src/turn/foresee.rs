//! What a turn will ask for, before it is begun: whoever asks a model that is left alone would sign in for nothing.

use std::sync::Arc;

use super::deps::Deps;
use super::enrol;
use super::values::Role;
use crate::model::LeftAlone;
use crate::store::{LedgerError, PinnedModel};
use domain::ids::TurnId;
use domain::persona::Persona;
use domain::strategy::Strategy;

/// Why a turn would be stopped at its first call, if that is known: its model is asked nothing for now. The turn itself
/// looks again when it is known what serves it.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn left_alone(
    turn: TurnId,
    persona: &Persona,
    part: Option<&Role>,
    deps: &Deps,
) -> Result<Option<LeftAlone>, LedgerError> {
    if deps.claude.left_alone().is_empty() {
        return Ok(None);
    }
    let model = model_of(turn, persona, part, deps).await?;
    Ok(model.and_then(|model| deps.claude.admit_turn(&model).err()))
}

/// Nothing: the turn says itself what is wrong with its strategy.
async fn model_of(
    turn: TurnId,
    persona: &Persona,
    part: Option<&Role>,
    deps: &Deps,
) -> Result<Option<String>, LedgerError> {
    if let Some(model) = goes_on_with(turn, deps).await? {
        return Ok(Some(model));
    }
    let strategy = match enrol::foreseen(turn, persona, part, deps).await? {
        Some(role) => role.strategy(deps).ok(),
        None => deps.strategies.get(deps.routing.strategy_for(persona)).map(Arc::clone),
    };
    Ok(strategy.map(|own| model_of_strategy(&own, deps)))
}

/// The model that a turn goes on with: its own, to its end. One that there is not would keep it for ever, so that it goes
/// on with what its strategy names by now.
pub(super) async fn goes_on_with(turn: TurnId, deps: &Deps) -> Result<Option<String>, LedgerError> {
    let pinned = deps.ledger.goes_on_with(turn).await?;
    Ok(pinned.map(|PinnedModel { model, strategy, was_refused }| {
        let configured = deps.strategies.get(&strategy).filter(|_| was_refused);
        configured.map_or(model, |own| model_of_strategy(own, deps))
    }))
}

fn model_of_strategy(strategy: &Strategy, deps: &Deps) -> String {
    strategy.model.clone().unwrap_or_else(|| deps.settings.model.clone())
}
