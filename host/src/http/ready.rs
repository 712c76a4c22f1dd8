//! `/health/live` and `/health/ready`: whether the process answers, and whether it can do its work, with reasons.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::face::Face;
use crate::runner::Obstacle;

/// The process answers.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether turns can be begun and kept: 200, or 503 with what is in the way. What an operator wants so, such as a pause or a
/// budget that is spent, is noted and no reason.
pub(super) async fn ready(State(face): State<Face>) -> (StatusCode, Json<Value>) {
    let (reasons, notes): (Vec<_>, Vec<_>) =
        face.runner.obstacles(&face.missing_keys).into_iter().partition(Obstacle::is_blocking);
    let is_ready = reasons.is_empty();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": is_ready, "reasons": reasons, "notes": notes })))
}
