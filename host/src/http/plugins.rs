//! `/api/plugins`: what serves, what was refused and why, and the two ways to another generation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use super::filters::Named;
use crate::behavior::PluginRecord;
use crate::reload::{ReloadError, Reloaded};
use crate::runner::PluginChange;
use domain::ids::PluginName;

/// `GET /api/plugins`: every plugin with its builds, newest first.
pub(super) async fn list(State(face): State<Face>) -> Json<Value> {
    Json(json!({
        "dir": face.runner.reloader().folder().absolute(),
        "contract": "0.1.x",
        "plugins": records(&face),
    }))
}

/// `GET /api/plugins/{name}/logs`: the last lines that the plugin logged, oldest first.
pub(super) async fn logs(State(face): State<Face>, Named(name): Named) -> Result<Json<Value>, ApiError> {
    let lines = face.runner.deps().registry.log(&PluginName::new(&name));
    let lines =
        lines.ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, format!("there is no plugin {name:?}")))?;
    Ok(Json(json!({ "lines": lines })))
}

/// `POST /api/plugins/{name}/reload`: loads the build that is in the folder now, also one that was
/// refused or rolled back before; answered when it serves, or is refused.
pub(super) async fn reload(state: State<Face>, name: Named) -> Result<Json<Value>, ApiError> {
    change(state, name, PluginChange::Reload).await
}

/// `POST /api/plugins/{name}/rollback`: goes back to the last good build before the one that serves.
pub(super) async fn rollback(state: State<Face>, name: Named) -> Result<Json<Value>, ApiError> {
    change(state, name, PluginChange::Rollback).await
}

async fn change(
    State(face): State<Face>,
    Named(name): Named,
    change: PluginChange,
) -> Result<Json<Value>, ApiError> {
    let changed = face.remote.change_plugin(PluginName::new(&name), change).await;
    let stopping = || ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "persona-host is stopping");
    let (result, generation) = match changed.ok_or_else(stopping)?? {
        Reloaded::Unchanged(generation) => ("unchanged", Some(generation)),
        Reloaded::Live(generation) => ("live", Some(generation)),
        Reloaded::OnTrial(generation) => ("canary", Some(generation)),
        Reloaded::Settled => ("settled", None),
    };
    let plugin = records(&face).into_iter().find(|record| record.name.as_str() == name);
    Ok(Json(json!({ "result": result, "generation": generation, "plugin": plugin })))
}

pub(super) fn records(face: &Face) -> Vec<PluginRecord> {
    face.runner.plugins()
}

impl From<ReloadError> for ApiError {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::NoSuchPlugin { .. } => Self::new(StatusCode::NOT_FOUND, error.to_string())
                .hint("add a strategy with this plugin to the configuration, and start again"),
            ReloadError::NothingBefore { .. } => Self::new(StatusCode::CONFLICT, error.to_string())
                .hint("GET /api/plugins lists the builds that are kept"),
            ReloadError::Refused(ref refusal) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).hint(refusal.hint.clone())
            }
        }
    }
}
