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
use super::filters::{Filters, Named};
use super::roll::{Known, Roll};
use crate::runner::{HeldBy, HeldPersona, PauseTold};
use crate::store::{Glance, OpenTurn, Paused};
use domain::code::Code;
use domain::rating::Rating;
use domain::state::State;

/// Who is asked for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Listed {
    /// Everybody who is known.
    All(Everybody),
    /// Who plays or is kept back.
    Open(Personas),
}

/// Everybody who is known: who has played, whom mana-auth named, and who is paused.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Everybody {
    /// Each of them, by address.
    personas: Vec<KnownPersona>,
    /// When mana-auth was asked last who is due; null if not since the start.
    asked_at: Option<DateTime<Utc>>,
}

/// A persona that is known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct KnownPersona {
    /// Its address.
    persona: String,
    /// Its kind; null until mana-auth has described it.
    archetype: Option<String>,
    /// How often it plays: `hourly`, `daily` or `weekdays`; null until mana-auth has described it.
    cadence: Option<&'static str>,
    /// How it stands, in one word or several: `due`, `running`, `held`, `parked`, `stopped`, `paused`, `free`, `new`.
    stands: Vec<&'static str>,
    /// When it was active last.
    last_active: Option<DateTime<Utc>>,
    /// Whether mana-auth has named it, and it has not played since.
    is_due: bool,
    /// When it plays next, if nothing keeps it back.
    next_due: Option<DateTime<Utc>>,
    /// Its turns that are not over.
    now: Vec<OpenTurn>,
    /// Its own pause.
    pause: Option<Paused>,
    /// What kept it back at the last tick, where no turn of the ledger says that.
    kept_back: Option<String>,
    /// Its latest turns, the newest first.
    turns: Vec<Glance>,
    /// What its latest turn with ratings rated.
    ratings: Vec<Rating>,
}

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

/// `GET /api/personas?all=`: everybody who is known, or who is under way or kept back.
pub(super) async fn list(From(face): From<Face>, mut filters: Filters) -> Result<Json<Listed>, ApiError> {
    let all = filters.truth("all")?;
    filters.end()?;
    Ok(Json(match all {
        true => Listed::All(everybody(&face).await?),
        false => Listed::Open(open(&face).await?),
    }))
}

async fn everybody(face: &Face) -> Result<Everybody, ApiError> {
    let Roll { personas, asked_at } = Roll::call(face).await?;
    let personas = personas.into_iter().map(|(persona, known)| KnownPersona::of(persona, known)).collect();
    Ok(Everybody { personas, asked_at })
}

impl KnownPersona {
    fn of(persona: String, known: Known) -> Self {
        Self {
            persona,
            stands: known.words(),
            last_active: known.last_active(),
            archetype: known.persona.as_ref().map(|own| own.archetype.clone()),
            cadence: known.persona.as_ref().map(|own| own.cadence.name()),
            is_due: known.is_due,
            next_due: known.next_due,
            now: known.open,
            pause: known.paused,
            kept_back: known.kept_back,
            turns: known.turns,
            ratings: known.ratings,
        }
    }
}

/// Everybody with a turn that is under way, held (until when and why) or parked, who is paused, or whom the last tick kept
/// back for want of money, or of a neighbour.
async fn open(face: &Face) -> Result<Personas, ApiError> {
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
        let pause = face.runner.pause_of(&persona).map(|pause| OwnPause::of(pause.told()));
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
    Ok(Personas { personas, paused: face.runner.is_paused(), pause })
}

impl OwnPause {
    fn of(PauseTold { since, why, hint }: PauseTold) -> Self {
        Self { paused_since: since, paused: why, hint }
    }
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
