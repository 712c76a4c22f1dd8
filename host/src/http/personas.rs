//! `/api/personas`: who plays or is kept back, and whoever has mended the cause of a hold lifts it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use super::filters::Named;
use crate::store::OpenTurn;

/// `GET /api/personas`: everybody with a turn that is under way, held (until when and why) or parked, or who is paused.
pub(super) async fn open(State(face): State<Face>) -> Result<Json<Value>, ApiError> {
    let mut personas: BTreeMap<String, Vec<OpenTurn>> = BTreeMap::new();
    for turn in face.runner.deps().ledger.open_turns().await? {
        personas.entry(turn.persona.clone()).or_default().push(turn);
    }
    let pauses = face.runner.pauses();
    for persona in pauses.personas.keys() {
        personas.entry(persona.clone()).or_default();
    }
    let personas: Vec<Value> = (personas.into_iter())
        .map(|(persona, now)| match pauses.personas.get(&persona) {
            Some(since) => json!({ "persona": persona, "now": now, "pausedSince": since }),
            None => json!({ "persona": persona, "now": now }),
        })
        .collect();
    Ok(Json(json!({ "personas": personas, "paused": face.runner.is_paused() })))
}

/// `POST /api/personas/{email}/release`: the persona plays at the next tick at which it is due.
pub(super) async fn release(State(face): State<Face>, Named(email): Named) -> Result<Json<Value>, ApiError> {
    match face.runner.release(&email).await? {
        Some(released) => Ok(Json(json!({ "persona": email, "released": released }))),
        None => {
            let message = format!("the ledger has no turn of {email:?}, so nothing keeps it back");
            Err(ApiError::new(StatusCode::NOT_FOUND, message)
                .hint("`persona-host personas list` shows who has run, and who is due"))
        }
    }
}
