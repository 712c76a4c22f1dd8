//! The read-only API: what the ledger holds, and what is loaded.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::error::ApiError;
use super::face::Face;
use super::filters::{Filters, Named};
use crate::store::{LetGoOn, Recorded, Summary, Then};
use domain::code::Code;
use domain::ids::{GenerationNumber, PluginName, Sha256Hex, StrategyName};
use domain::strategy::Routing;

/// The most turns of one answer, or of one page.
pub(super) const MAX_TURNS: u32 = 500;

/// Turns in a line each, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Turns {
    /// Each of them.
    turns: Vec<Summary>,
}

/// A turn that nothing keeps back any more.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LetGo {
    /// Its id.
    turn: String,
    /// Whose it is.
    persona: String,
    /// What it does now.
    then: Then,
}

/// What there is to choose from, and who gets what.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Strategies {
    /// Each of them.
    strategies: Vec<ShownStrategy>,
    /// Who is routed to which.
    routing: Routing,
}

/// A strategy, with the generation that serves it now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ShownStrategy {
    /// Its name.
    name: StrategyName,
    /// The plugin that it uses.
    plugin: PluginName,
    /// The settings that the plugin is given.
    settings: Value,
    /// Their digest.
    settings_hash: String,
    /// The model that is asked.
    model: String,
    /// What serves it now; nothing if no build was let in.
    generation: Option<ShownGeneration>,
}

/// A build that serves.
#[derive(Debug, Serialize, JsonSchema)]
struct ShownGeneration {
    /// Its number, from 1 for each plugin.
    number: GenerationNumber,
    /// The plugin's own version.
    version: String,
    /// What it says of itself.
    summary: String,
    /// The digest of the component.
    sha256: Sha256Hex,
    /// The version of the contract that it was built for.
    contract: String,
    /// Where it is from.
    origin: String,
}

/// `GET /api/turns?persona=&experiment=&arm=&state=&everFaulted=&since=&until=&limit=`: newest first; `since` and `until` such
/// as 24h, a day or an instant.
pub(super) async fn turns(State(face): State<Face>, mut filters: Filters) -> Result<Json<Turns>, ApiError> {
    let filter = filters.turns(face.runner.deps().clock.now(), MAX_TURNS)?;
    filters.end()?;
    let turns = face.runner.deps().ledger.list(&filter).await?;
    Ok(Json(Turns { turns }))
}

/// `GET /api/turns/{id}`: everything about one turn; the beginning of its id will do.
pub(super) async fn turn(State(face): State<Face>, Named(id): Named) -> Result<Json<Recorded>, ApiError> {
    Ok(Json(face.runner.deps().ledger.show(&id).await?))
}

/// `POST /api/turns/{id}/resume`: a turn that is parked or held goes on at the next tick.
pub(super) async fn resume(State(face): State<Face>, Named(id): Named) -> Result<Json<LetGo>, ApiError> {
    match face.runner.deps().ledger.let_go_on(&id).await? {
        LetGoOn::GoesOn { turn, persona, then } => Ok(Json(LetGo { turn, persona, then })),
        not => Err(ApiError::new(StatusCode::CONFLICT, Code::NothingKeepsIt, not.why_not(&id))
            .hint("`persona-host turns show` tells how it went")),
    }
}

/// `GET /api/strategies`: each with the generation that serves it now, and who is routed to it.
pub(super) async fn strategies(State(face): State<Face>) -> Json<Strategies> {
    let deps = face.runner.deps();
    let strategies = deps.strategies.values().map(|strategy| ShownStrategy {
        name: strategy.name.clone(),
        plugin: strategy.plugin.clone(),
        settings: strategy.settings.clone(),
        settings_hash: strategy.settings_hash().to_string(),
        model: strategy.model.as_ref().unwrap_or(&deps.settings.model).clone(),
        generation: deps.registry.current(&strategy.plugin).map(|generation| ShownGeneration {
            number: generation.number(),
            version: generation.descriptor().version.clone(),
            summary: generation.descriptor().summary.clone(),
            sha256: generation.digest().clone(),
            contract: generation.contract().to_owned(),
            origin: generation.origin().to_string(),
        }),
    });
    Json(Strategies { strategies: strategies.collect(), routing: deps.routing.clone() })
}
