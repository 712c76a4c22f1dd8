//! Pause and resume: `GET /api/pause`, `POST /api/pause` with `persona`, `now`, `reason`, `anyway`, and `POST /api/resume`
//! with `persona`, each behind the `?` or in the body.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::USER_AGENT;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::asked::Asked;
use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use crate::runner::{AskedBy, Pause, Reach, WhomError};
use crate::running;
use crate::store::{Paused, Pauses, wanted};
use domain::code::Code;

/// Who is paused.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WhoIsPaused {
    /// Whether everybody is, in whatever way.
    paused: bool,
    /// The pause of everybody, if somebody asked for one.
    everybody: Option<Paused>,
    /// Everybody is paused by the configuration, which another start ends.
    by_configuration: bool,
    /// Single personas.
    personas: Vec<PausedPersona>,
}

/// A persona that is paused by itself.
#[derive(Debug, Serialize, JsonSchema)]
struct PausedPersona {
    /// Since when, by whom, and why.
    #[serde(flatten)]
    paused: Paused,
    /// Its address.
    persona: String,
}

/// A pause that began, or goes on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Braked {
    /// Always so.
    paused: bool,
    /// Who; null for everybody.
    persona: Option<String>,
    /// How many running turns were stopped.
    stopped: usize,
    /// Since when.
    since: Option<DateTime<Utc>>,
    /// Why, in the words of who asked.
    reason: Option<String>,
    /// Whether there was a pause already, whose reason this one has replaced if it has one.
    was_paused: bool,
}

/// A pause that ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LetPlay {
    /// Whether another pause keeps the persona back still.
    paused: bool,
    /// Who; null for everybody.
    persona: Option<String>,
    /// Whether there was a pause.
    was_paused: bool,
    /// The other pause.
    still: Option<String>,
    /// Who is still paused by address.
    still_paused: Vec<String>,
}

/// Who is paused: since when, by whom, and why.
pub(super) async fn show(State(face): State<Face>) -> Json<WhoIsPaused> {
    let Pauses { everybody, personas } = face.runner.pauses();
    let personas = personas.into_iter().map(|(persona, paused)| PausedPersona { paused, persona });
    Json(WhoIsPaused {
        paused: face.runner.is_paused(),
        everybody,
        by_configuration: face.runner.pause_of_all() == Some(Pause::Configured),
        personas: personas.collect(),
    })
}

/// No turn is begun any more, of anybody or of one persona; with `now` those that run make no further call.
pub(super) async fn pause(
    State(face): State<Face>,
    headers: HeaderMap,
    Asked(mut filters): Asked,
) -> Result<Json<Braked>, ApiError> {
    let typed = whose(&mut filters)?;
    let reach = if filters.truth("now")? { Reach::NoNewStep } else { Reach::NoNewTurn };
    let reason = filters.read("reason", |text| wanted::named(text, "a reason"))?;
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
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.code(), message).hint(hint)
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
    Ok(Json(Braked { paused: true, persona, stopped, since, reason, was_paused }))
}

/// Turns are begun again, and those that were stopped go on.
pub(super) async fn resume(
    State(face): State<Face>,
    Asked(mut filters): Asked,
) -> Result<Json<LetPlay>, ApiError> {
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
    let still_paused = alone.collect();
    Ok(Json(LetPlay { paused: still.is_some(), persona, was_paused, still, still_paused }))
}

fn whose(filters: &mut Filters) -> Result<Option<String>, ApiError> {
    filters.read("persona", wanted::persona)
}

impl From<WhomError> for ApiError {
    fn from(error: WhomError) -> Self {
        match error {
            WhomError::Nobody(nobody) => {
                let status = if nobody.is_of_many { StatusCode::CONFLICT } else { StatusCode::NOT_FOUND };
                Self::new(status, Code::NoSuchPersona, nobody.to_string()).hint(nobody.hint())
            }
            WhomError::Ledger(error) => error.into(),
        }
    }
}
