//! `GET /api/costs?by=&since=`: what turns cost, and what of today's budget is taken.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use crate::store::CostsBy;

#[derive(Debug, Deserialize)]
pub(super) struct Which {
    by: Option<String>,
    since: Option<DateTime<Utc>>,
}

pub(super) async fn costs(
    State(face): State<Face>,
    Query(Which { by, since }): Query<Which>,
) -> Result<Json<Value>, ApiError> {
    let by = by.as_deref().unwrap_or("day");
    let Some((name, by)) = CostsBy::ALL.into_iter().find(|(name, _)| *name == by) else {
        let known: Vec<&str> = CostsBy::ALL.iter().map(|(name, _)| *name).collect();
        let message = format!("by={by:?} is no way to tell costs apart");
        return Err(
            ApiError::new(StatusCode::BAD_REQUEST, message).hint(format!("one of: {}", known.join(", ")))
        );
    };
    let deps = face.runner.deps();
    let costs = deps.ledger.costs(by, since, deps.settings.time_zone).await?;
    let budget = deps
        .budget
        .of_today()
        .map(|(limit, taken)| json!({ "limitUsd": limit.dollars(), "takenUsd": taken.dollars() }));
    Ok(Json(json!({ "by": name, "since": since, "costs": costs, "budgetOfToday": budget })))
}
