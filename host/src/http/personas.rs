//! `/api/personas`: who plays or is kept back, and whoever has mended the cause of a hold lifts it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as From;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use super::filters::Named;
use crate::runner::HeldPersona;
use crate::store::OpenTurn;
use domain::state::State;

/// `GET /api/personas`: everybody with a turn that is under way, held (until when and why) or parked, who is paused, or whom
/// the last tick kept back for want of money, or of a neighbour.
pub(super) async fn open(From(face): From<Face>) -> Result<Json<Value>, ApiError> {
    let mut personas: BTreeMap<String, Vec<OpenTurn>> = BTreeMap::new();
    for turn in face.runner.deps().ledger.open_turns().await? {
        personas.entry(turn.persona.clone()).or_default().push(turn);
    }
    let pauses = face.runner.pauses();
    for persona in pauses.personas.keys() {
        personas.entry(persona.clone()).or_default();
    }
    let mut kept: BTreeMap<String, HeldPersona> = BTreeMap::new();
    for own in face.runner.kept_back() {
        personas.entry(own.persona.clone()).or_default();
        kept.insert(own.persona.clone(), own);
    }
    let personas: Vec<Value> = (personas.into_iter())
        .map(|(persona, now)| match face.runner.pause_of(&persona) {
            Some(pause) => json!({
                "persona": persona, "now": now, "state": State::Paused, "pausedSince": pause.since(),
                "paused": pause.to_string(), "hint": pause.hint(),
            }),
            None => {
                let state = now.last().map(|own| own.state);
                let mut told = json!({ "persona": persona, "now": now, "state": state });
                // No turn of the ledger says it.
                if let Some(HeldPersona { reason, cause, .. }) = kept.get(&persona) {
                    told["state"] = json!(state.unwrap_or(State::Held));
                    told["heldBy"] = json!(cause);
                    told["why"] = reason.as_str().into();
                }
                told
            }
        })
        .collect();
    let pause = face.runner.pause_of_all().map(|pause| pause.to_string());
    Ok(Json(json!({ "personas": personas, "paused": face.runner.is_paused(), "pause": pause })))
}

/// `POST /api/personas/{email}/release`: the persona plays at the next tick at which it is due.
pub(super) async fn release(From(face): From<Face>, Named(email): Named) -> Result<Json<Value>, ApiError> {
    match face.runner.release(&email).await? {
        Some(released) => Ok(Json(json!({ "persona": email, "released": released }))),
        None => {
            let message = format!("the ledger has no turn of {email:?}, so nothing keeps it back");
            Err(ApiError::new(StatusCode::NOT_FOUND, message)
                .hint("`persona-host personas list` shows who has run, and who is due"))
        }
    }
}
