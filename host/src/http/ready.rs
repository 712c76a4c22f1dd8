//! `/health/live` and `/health/ready`: whether the process answers, and whether it can do its work, with reasons.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::face::Face;
use crate::runner::{Obstacle, Told};

/// The process answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    status: &'static str,
}

/// Whether turns can be begun and kept.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Readiness {
    /// Whether nothing is in the way.
    ready: bool,
    /// What is in the way.
    reasons: Vec<Told>,
    /// What an operator wants so, and what goes on without it.
    notes: Vec<Told>,
}

/// The process answers.
pub(super) async fn live() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Whether turns can be begun and kept: 200, or 503 with what is in the way. What an operator wants so, such as a pause or a
/// budget that is spent, is noted and no reason.
pub(super) async fn ready(State(face): State<Face>) -> (StatusCode, Json<Readiness>) {
    let (reasons, notes): (Vec<_>, Vec<_>) =
        face.runner.obstacles(&face.missing_keys).into_iter().partition(Obstacle::is_blocking);
    let is_ready = reasons.is_empty();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let told = |all: Vec<Obstacle>| all.iter().map(Obstacle::told).collect();
    (status, Json(Readiness { ready: is_ready, reasons: told(reasons), notes: told(notes) }))
}
