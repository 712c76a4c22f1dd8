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
use domain::budget::{Part, Taken};

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

pub(super) async fn costs(
    State(face): State<Face>,
    mut filters: Filters,
) -> Result<Json<Spendings>, ApiError> {
    let deps = face.runner.deps();
    let (by, since) = (filters.costs_by()?, filters.since(deps.clock.now())?);
    filters.end()?;
    let costs = deps.ledger.costs(by, since, deps.settings.time_zone).await?;
    let budget_of_today = deps.budget.of_today().iter().map(Part::shown).collect();
    Ok(Json(Spendings { by: by.name(), since, costs, budget_of_today }))
}
