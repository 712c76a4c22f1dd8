//! What a turn will ask for, before it is begun: whoever asks a model that is left alone would sign in for nothing.

use std::sync::Arc;

use super::deps::Deps;
use super::enrol;
use super::values::Role;
use crate::model::LeftAlone;
use crate::store::LedgerError;
use domain::ids::TurnId;
use domain::persona::Persona;

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
    if let Some(model) = deps.ledger.goes_on_with(turn).await? {
        return Ok(Some(model));
    }
    let strategy = match enrol::foreseen(turn, persona, part, deps).await? {
        Some(role) => role.strategy(deps).ok(),
        None => deps.strategies.get(deps.routing.strategy_for(persona)).map(Arc::clone),
    };
    Ok(strategy.map(|own| own.model.clone().unwrap_or_else(|| deps.settings.model.clone())))
}
