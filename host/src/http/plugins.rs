//! `/api/plugins`: what serves, what was refused and why, and the two ways to another generation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::error::ApiError;
use super::face::Face;
use super::filters::Named;
use crate::behavior::{LoggedLine, PluginRecord};
use crate::reload::{ReloadError, Reloaded};
use crate::runner::PluginChange;
use domain::code::Code;
use domain::ids::{GenerationNumber, PluginName};

/// Every plugin.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Plugins {
    /// The folder that is watched.
    dir: String,
    /// The versions of the contract that are taken.
    contract: &'static str,
    /// Each of them.
    plugins: Vec<PluginRecord>,
}

/// What a plugin logged.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Lines {
    /// The last 500 lines, oldest first.
    lines: Vec<LoggedLine>,
}

/// What came of a change.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changed {
    /// What the build does now.
    result: Became,
    /// The generation of that build.
    generation: Option<GenerationNumber>,
    /// The plugin afterwards.
    plugin: Option<PluginRecord>,
}

/// What a build does after a change.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Became {
    /// It is the one that served before.
    Unchanged,
    /// It serves.
    Live,
    /// It serves a share of the personas.
    Canary,
    /// It was settled before, and stays as it was.
    Settled,
}

/// `GET /api/plugins`: every plugin with its builds, newest first.
pub(super) async fn list(State(face): State<Face>) -> Json<Plugins> {
    let dir = face.runner.reloader().folder().absolute().display().to_string();
    Json(Plugins { dir, contract: "0.1.x", plugins: records(&face) })
}

/// `GET /api/plugins/{name}/logs`: the last lines that the plugin logged, oldest first.
pub(super) async fn logs(State(face): State<Face>, Named(name): Named) -> Result<Json<Lines>, ApiError> {
    let lines = face.runner.deps().registry.log(&PluginName::new(&name));
    let lines = lines.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, Code::NoSuchPlugin, format!("there is no plugin {name:?}"))
    })?;
    Ok(Json(Lines { lines }))
}

/// `POST /api/plugins/{name}/reload`: loads the build that is in the folder now, also one that was
/// refused or rolled back before; answered when it serves, or is refused.
pub(super) async fn reload(state: State<Face>, name: Named) -> Result<Json<Changed>, ApiError> {
    change(state, name, PluginChange::Reload).await
}

/// `POST /api/plugins/{name}/rollback`: goes back to the last good build before the one that serves.
pub(super) async fn rollback(state: State<Face>, name: Named) -> Result<Json<Changed>, ApiError> {
    change(state, name, PluginChange::Rollback).await
}

async fn change(
    State(face): State<Face>,
    Named(name): Named,
    change: PluginChange,
) -> Result<Json<Changed>, ApiError> {
    let changed = face.remote.change_plugin(PluginName::new(&name), change).await;
    let stopping =
        || ApiError::new(StatusCode::SERVICE_UNAVAILABLE, Code::Stopping, "persona-host is stopping");
    let (result, generation) = match changed.ok_or_else(stopping)?? {
        Reloaded::Unchanged(generation) => (Became::Unchanged, Some(generation)),
        Reloaded::Live(generation) => (Became::Live, Some(generation)),
        Reloaded::OnTrial(generation) => (Became::Canary, Some(generation)),
        Reloaded::Settled => (Became::Settled, None),
    };
    let plugin = records(&face).into_iter().find(|record| record.name.as_str() == name);
    Ok(Json(Changed { result, generation, plugin }))
}

pub(super) fn records(face: &Face) -> Vec<PluginRecord> {
    face.runner.plugins()
}

impl From<ReloadError> for ApiError {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::NoSuchPlugin { .. } => {
                Self::new(StatusCode::NOT_FOUND, Code::NoSuchPlugin, error.to_string())
                    .hint("add a strategy with this plugin to the configuration, and start again")
            }
            ReloadError::NothingBefore { .. } => {
                Self::new(StatusCode::CONFLICT, Code::NoEarlierBuild, error.to_string())
                    .hint("GET /api/plugins lists the builds that are kept")
            }
            ReloadError::Refused(ref refusal) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, refusal.stage.code(), error.to_string())
                    .hint(refusal.hint.clone())
            }
        }
    }
}
