//! `/api/personas`: who plays or is kept back, and whoever has mended the cause of a hold lifts it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as From;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::ApiError;
use super::face::Face;
use super::filters::Named;
use crate::runner::{HeldBy, HeldPersona};
use crate::store::OpenTurn;
use domain::code::Code;
use domain::state::State;

/// Who plays or is kept back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Personas {
    /// Each of them.
    personas: Vec<OpenPersona>,
    /// Whether everybody is paused.
    paused: bool,
    /// Since when and why.
    pause: Option<String>,
}

/// A persona with a turn that is not over, or that something keeps back.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OpenPersona {
    /// Its address.
    persona: String,
    /// Its turns that are not over.
    now: Vec<OpenTurn>,
    /// How it stands: as the last of them, held, or paused.
    state: Option<State>,
    /// What kept it back at the last tick, where no turn of the ledger says that.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<HeldBy>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The pause, if there is one.
    #[serde(flatten)]
    pause: Option<OwnPause>,
}

/// Why a persona is paused.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OwnPause {
    /// Since when; null if the configuration says so.
    paused_since: Option<DateTime<Utc>>,
    /// In words.
    paused: String,
    /// What ends it.
    hint: &'static str,
}

/// A persona that nothing keeps back any more.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Released {
    /// Its address.
    persona: String,
    /// How many of its turns were held.
    released: u64,
}

/// `GET /api/personas`: everybody with a turn that is under way, held (until when and why) or parked, who is paused, or whom
/// the last tick kept back for want of money, or of a neighbour.
pub(super) async fn open(From(face): From<Face>) -> Result<Json<Personas>, ApiError> {
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
    let open = |(persona, now): (String, Vec<OpenTurn>)| {
        let pause = face.runner.pause_of(&persona).map(|pause| OwnPause {
            paused_since: pause.since(),
            paused: pause.to_string(),
            hint: pause.hint(),
        });
        let of_turn = now.last().map(|own: &OpenTurn| own.state);
        // No turn of the ledger says it.
        let kept = kept.remove(&persona).filter(|_| pause.is_none());
        let state = match (&pause, &kept) {
            (Some(_), _) => Some(State::Paused),
            (None, Some(_)) => of_turn.or(Some(State::Held)),
            (None, None) => of_turn,
        };
        let (held_by, why) = kept.map(|own| (own.cause, own.reason)).unzip();
        OpenPersona { persona, now, state, held_by, why, pause }
    };
    let personas = personas.into_iter().map(open).collect();
    let pause = face.runner.pause_of_all().map(|pause| pause.to_string());
    Ok(Json(Personas { personas, paused: face.runner.is_paused(), pause }))
}

/// `POST /api/personas/{email}/release`: the persona plays at the next tick at which it is due.
pub(super) async fn release(From(face): From<Face>, Named(email): Named) -> Result<Json<Released>, ApiError> {
    match face.runner.release(&email).await? {
        Some(released) => Ok(Json(Released { persona: email, released })),
        None => {
            let message = format!("the ledger has no turn of {email:?}, so nothing keeps it back");
            Err(ApiError::new(StatusCode::NOT_FOUND, Code::NoSuchPersona, message)
                .hint("`persona-host personas list` shows who has run, and who is due"))
        }
    }
}
