//! The read-only API: what the ledger holds, and what is loaded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use super::filters::{Filters, Named};
use crate::store::{LetGoOn, Recorded};
use domain::code::Code;

/// The most turns of one answer, or of one page.
pub(super) const MAX_TURNS: u32 = 500;

/// `GET /api/turns?persona=&experiment=&arm=&state=&everFaulted=&since=&limit=`: newest first; `since` such as 24h, a day or an
/// instant.
pub(super) async fn turns(State(face): State<Face>, mut filters: Filters) -> Result<Json<Value>, ApiError> {
    let filter = filters.turns(face.runner.deps().clock.now(), MAX_TURNS)?;
    filters.end()?;
    let turns = face.runner.deps().ledger.list(&filter).await?;
    Ok(Json(json!({ "turns": turns })))
}

/// `GET /api/turns/{id}`: everything about one turn; the beginning of its id will do.
pub(super) async fn turn(State(face): State<Face>, Named(id): Named) -> Result<Json<Recorded>, ApiError> {
    Ok(Json(face.runner.deps().ledger.show(&id).await?))
}

/// `POST /api/turns/{id}/resume`: a turn that is parked or held goes on at the next tick.
pub(super) async fn resume(State(face): State<Face>, Named(id): Named) -> Result<Json<Value>, ApiError> {
    match face.runner.deps().ledger.let_go_on(&id).await? {
        LetGoOn::GoesOn { turn, persona, then } => {
            Ok(Json(json!({ "turn": turn, "persona": persona, "then": then })))
        }
        not => Err(ApiError::new(StatusCode::CONFLICT, Code::NothingKeepsIt, not.why_not(&id))
            .hint("`persona-host turns show` tells how it went")),
    }
}

/// `GET /api/strategies`: each with the generation that serves it now, and who is routed to it.
pub(super) async fn strategies(State(face): State<Face>) -> Json<Value> {
    let deps = face.runner.deps();
    let strategies: Vec<Value> = (deps.strategies.values())
        .map(|strategy| {
            let generation = deps.registry.current(&strategy.plugin).map(|generation| {
                json!({
                    "number": generation.number(),
                    "version": generation.descriptor().version,
                    "summary": generation.descriptor().summary,
                    "sha256": generation.digest(),
                    "contract": generation.contract(),
                    "origin": generation.origin().to_string(),
                })
            });
            json!({
                "name": strategy.name,
                "plugin": strategy.plugin,
                "settings": strategy.settings,
                "settingsHash": strategy.settings_hash(),
                "model": strategy.model.as_ref().unwrap_or(&deps.settings.model),
                "generation": generation,
            })
        })
        .collect();
    Json(json!({ "strategies": strategies, "routing": deps.routing }))
}
