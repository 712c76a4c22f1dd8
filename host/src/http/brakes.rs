//! Pause and resume: `POST /api/pause?persona=&now=` and `POST /api/resume?persona=`.

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use crate::runner::Reach;

#[derive(Debug, Deserialize)]
pub(super) struct Whom {
    persona: Option<String>,
    #[serde(default)]
    now: bool,
}

/// No turn is begun any more, of anybody or of one persona; with `now` those that run make no further call.
pub(super) async fn pause(
    State(face): State<Face>,
    Query(Whom { persona, now }): Query<Whom>,
) -> Result<Json<Value>, ApiError> {
    let reach = if now { Reach::NoNewStep } else { Reach::NoNewTurn };
    let stopped = face.runner.pause(persona.as_deref(), reach).await?;
    Ok(Json(json!({ "paused": true, "persona": persona, "stopped": stopped })))
}

/// Turns are begun again, and those that were stopped go on.
pub(super) async fn resume(
    State(face): State<Face>,
    Query(Whom { persona, .. }): Query<Whom>,
) -> Result<Json<Value>, ApiError> {
    face.runner.resume(persona.as_deref()).await?;
    Ok(Json(json!({ "paused": false, "persona": persona })))
}
