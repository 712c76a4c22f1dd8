//! Pause and resume: `GET /api/pause`, `POST /api/pause` with `persona`, `now`, `reason`, `anyway`, and `POST /api/resume`
//! with `persona`, each behind the `?` or in the body.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::USER_AGENT;
use serde_json::{Value, json};

use super::asked::Asked;
use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use crate::runner::{AskedBy, Pause, Reach, WhomError};
use crate::running;
use crate::store::Pauses;

/// Who is paused: since when, by whom, and why.
pub(super) async fn show(State(face): State<Face>) -> Json<Value> {
    let Pauses { everybody, personas } = face.runner.pauses();
    let personas: Vec<Value> = (personas.into_iter())
        .map(|(email, paused)| {
            let mut told = json!(paused);
            told["persona"] = email.into();
            told
        })
        .collect();
    let by_configuration = face.runner.pause_of_all() == Some(Pause::Configured);
    Json(json!({
        "paused": face.runner.is_paused(),
        "everybody": everybody,
        "byConfiguration": by_configuration,
        "personas": personas,
    }))
}

/// No turn is begun any more, of anybody or of one persona; with `now` those that run make no further call.
pub(super) async fn pause(
    State(face): State<Face>,
    headers: HeaderMap,
    Asked(mut filters): Asked,
) -> Result<Json<Value>, ApiError> {
    let typed = whose(&mut filters)?;
    let reach = if filters.truth("now")? { Reach::NoNewStep } else { Reach::NoNewTurn };
    let reason = filters.text("reason", "say why")?;
    let is_meant_so = filters.truth("anyway")?;
    filters.end()?;
    let persona = match typed {
        Some(typed) if is_meant_so && !typed.trim().is_empty() => Some(typed.trim().to_lowercase()),
        Some(typed) => Some(face.runner.whom(&typed).await?),
        None => None,
    };
    let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let by = if agent == Some(running::AGENT) { AskedBy::Command } else { AskedBy::Http };
    let before = face.runner.pauses();
    let paused = face.runner.pause(persona.as_deref(), reach, by, reason.as_deref()).await;
    let stopped = paused.map_err(|error| {
        let whom = persona.as_deref().unwrap_or("everybody");
        let message = format!("{whom} is paused from now on, but the ledger does not keep it: {error}");
        let hint = "the pause ends with this process: ask for it again when the ledger can be written";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message).hint(hint)
    })?;
    let pauses = face.runner.pauses();
    let paused = match &persona {
        Some(email) => pauses.personas.get(email),
        None => pauses.everybody.as_ref(),
    };
    let was_paused = match &persona {
        Some(email) => before.personas.contains_key(email),
        None => before.everybody.is_some(),
    };
    let (since, reason) = (paused.map(|own| own.since), paused.and_then(|own| own.reason.clone()));
    Ok(Json(json!({
        "paused": true, "persona": persona, "stopped": stopped, "since": since, "reason": reason,
        "wasPaused": was_paused,
    })))
}

/// Turns are begun again, and those that were stopped go on.
pub(super) async fn resume(
    State(face): State<Face>,
    Asked(mut filters): Asked,
) -> Result<Json<Value>, ApiError> {
    let typed = whose(&mut filters)?;
    filters.end()?;
    let pauses = face.runner.pauses();
    let persona = match typed {
        // Who was paused anyway is known by that alone.
        Some(typed) => match crate::runner::meant(&typed, pauses.personas.keys()) {
            Ok(email) => Some(email),
            Err(_) => Some(face.runner.whom(&typed).await?),
        },
        None => None,
    };
    let was_paused = match &persona {
        Some(email) => pauses.personas.contains_key(email),
        None => face.runner.is_paused(),
    };
    face.runner.resume(persona.as_deref()).await?;
    // The end of one pause is not that of the other.
    let still = match &persona {
        Some(email) => face.runner.pause_of(email).map(|pause| pause.to_string()),
        None => None,
    };
    let alone = pauses.personas.into_keys().filter(|_| persona.is_none());
    Ok(Json(json!({
        "paused": still.is_some(), "persona": persona, "wasPaused": was_paused, "still": still,
        "stillPaused": alone.collect::<Vec<String>>(),
    })))
}

fn whose(filters: &mut Filters) -> Result<Option<String>, ApiError> {
    filters.text("persona", "be the address of a persona")
}

impl From<WhomError> for ApiError {
    fn from(error: WhomError) -> Self {
        match error {
            WhomError::Nobody(nobody) => {
                let status = if nobody.is_of_many { StatusCode::CONFLICT } else { StatusCode::NOT_FOUND };
                Self::new(status, nobody.to_string()).hint(nobody.hint())
            }
            WhomError::Ledger(error) => error.into(),
        }
    }
}
