//! `GET /api/costs?by=&since=`: what turns cost, and what of today's budget is taken.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use crate::store::Costs;
use domain::budget::{Account, Part};
use domain::ids::PersonaId;

/// What turns cost, and what of today's budget is taken.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spendings {
    /// By what they are told apart: `persona`, `strategy`, `arm`, `model` or `day`.
    by: &'static str,
    /// Since when they are added up; null for always.
    since: Option<DateTime<Utc>>,
    /// Each kind, and all together.
    #[serde(flatten)]
    costs: Costs,
    /// Each limit of today.
    budget_of_today: Vec<Taken>,
}

/// What of a limit is taken.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Taken {
    /// The key of the configuration that says the limit.
    of: String,
    /// The limit, in US dollars.
    limit_usd: f64,
    /// What is spent of it, or promised to calls under way, in US dollars.
    taken_usd: f64,
    /// No other call has room.
    is_full: bool,
    /// Whose it is, of one that each persona has for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    persona_id: Option<PersonaId>,
}

pub(super) async fn costs(
    State(face): State<Face>,
    mut filters: Filters,
) -> Result<Json<Spendings>, ApiError> {
    let deps = face.runner.deps();
    let (by, since) = (filters.costs_by()?, filters.since(deps.clock.now())?);
    filters.end()?;
    let costs = deps.ledger.costs(by, since, deps.settings.time_zone).await?;
    let budget_of_today = deps.budget.of_today().iter().map(Taken::of).collect();
    Ok(Json(Spendings { by: by.name(), since, costs, budget_of_today }))
}

impl Taken {
    fn of(part: &Part) -> Self {
        let persona_id = match &part.account {
            Account::Persona(id) => Some(id.clone()),
            _ => None,
        };
        Self {
            of: part.account.key(),
            limit_usd: part.limit.dollars(),
            taken_usd: part.taken.dollars(),
            is_full: part.is_full,
            persona_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::usage::NanoUsd;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_api_shows_a_limit_as_the_command_does() {
        for account in [Account::Day, Account::Persona(PersonaId::new("p-1"))] {
            let part = Part { account, limit: NanoUsd(3_000_000_000), taken: NanoUsd(5), is_full: true };
            assert_eq!(json!(Taken::of(&part)), part.shown());
        }
    }
}
