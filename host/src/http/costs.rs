//! `GET /api/costs?by=&since=`: what turns cost, and what of today's budget is taken.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use crate::store::{Costs, CostsBy};
use domain::budget::Part;

pub(super) async fn costs(State(face): State<Face>, mut filters: Filters) -> Result<Json<Value>, ApiError> {
    let names = CostsBy::ALL.map(|(name, _)| name);
    let (by, since) = (filters.one_of("by", &names)?, filters.since(face.runner.deps().clock.now())?);
    filters.end()?;
    let by = by.as_deref().unwrap_or("day");
    let kind = CostsBy::ALL.into_iter().find(|(name, _)| *name == by).map_or(CostsBy::Day, |(_, kind)| kind);
    let deps = face.runner.deps();
    let costs = deps.ledger.costs(kind, since, deps.settings.time_zone).await?;
    let budget: Vec<Value> = deps.budget.of_today().iter().map(Part::shown).collect();
    let Costs { costs, total } = costs;
    Ok(Json(json!({ "by": by, "since": since, "costs": costs, "total": total, "budgetOfToday": budget })))
}
