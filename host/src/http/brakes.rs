//! Pause and resume: `POST /api/pause?persona=&now=` and `POST /api/resume?persona=`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use crate::runner::Reach;

/// No turn is begun any more, of anybody or of one persona; with `now` those that run make no further call.
pub(super) async fn pause(State(face): State<Face>, mut filters: Filters) -> Result<Json<Value>, ApiError> {
    let persona = whose(&mut filters)?;
    let reach = if filters.truth("now")? { Reach::NoNewStep } else { Reach::NoNewTurn };
    filters.end()?;
    let stopped = face.runner.pause(persona.as_deref(), reach).await?;
    Ok(Json(json!({ "paused": true, "persona": persona, "stopped": stopped })))
}

/// Turns are begun again, and those that were stopped go on.
pub(super) async fn resume(State(face): State<Face>, mut filters: Filters) -> Result<Json<Value>, ApiError> {
    let persona = whose(&mut filters)?;
    filters.end()?;
    face.runner.resume(persona.as_deref()).await?;
    Ok(Json(json!({ "paused": false, "persona": persona })))
}

fn whose(filters: &mut Filters) -> Result<Option<String>, ApiError> {
    filters.text("persona", "be the address of a persona")
}
