//! `GET /api/costs?by=&since=`: what turns cost, and what of today's budget is taken.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use crate::store::Costs;
use domain::budget::Part;

pub(super) async fn costs(State(face): State<Face>, mut filters: Filters) -> Result<Json<Value>, ApiError> {
    let deps = face.runner.deps();
    let (by, since) = (filters.costs_by()?, filters.since(deps.clock.now())?);
    filters.end()?;
    let costs = deps.ledger.costs(by, since, deps.settings.time_zone).await?;
    let budget: Vec<Value> = deps.budget.of_today().iter().map(Part::shown).collect();
    let Costs { costs, total } = costs;
    Ok(Json(
        json!({ "by": by.name(), "since": since, "costs": costs, "total": total, "budgetOfToday": budget }),
    ))
}
