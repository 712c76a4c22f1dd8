//! Diagnostics, in the shapes of contract 7.2. There are none in production.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ContractRefusal;
use super::face::Face;
use crate::mana::ManaError;
use crate::runner::{TickError, TickReport};
use domain::ids::{PersonaId, SpaceId};

#[derive(Debug, Deserialize)]
pub(super) struct WhoseLogin {
    email: Option<String>,
}

/// A persona that could sign in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedIn {
    /// Always true.
    ok: bool,
    /// Its address.
    email: String,
    /// Its id in mana-auth.
    user_id: PersonaId,
    /// The id of its personal space.
    space_id: SpaceId,
}

/// A tick that is over.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ticked {
    /// Always true.
    ok: bool,
    /// What it did.
    result: TickReport,
}

/// `GET /diag/login?email=`: signs a persona in and finds its space.
pub(super) async fn login(
    State(face): State<Face>,
    query: Result<Query<WhoseLogin>, QueryRejection>,
) -> Result<Json<SignedIn>, NotSo> {
    if face.production {
        return Err(disabled());
    }
    let email = query.ok().and_then(|Query(query)| query.email);
    let Some(email) = email.filter(|email| !email.is_empty()) else {
        return Err(NotSo::untried(StatusCode::BAD_REQUEST, "email query required"));
    };
    sign_in(&face, email)
        .await
        .map(Json)
        .map_err(|error| NotSo::tried(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// `POST /diag/tick`: one tick now, answered at its end.
pub(super) async fn tick(State(face): State<Face>) -> Result<Json<Ticked>, NotSo> {
    if face.production {
        return Err(disabled());
    }
    for (name, error) in [
        ("MANA_SERVICE_KEY", "MANA_SERVICE_KEY not set — cannot call internal endpoints"),
        ("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY not set — Claude would fail"),
    ] {
        if face.missing_keys.contains(&name) {
            return Err(NotSo::untried(StatusCode::INTERNAL_SERVER_ERROR, error));
        }
    }
    match face.remote.tick(None).await {
        Ok(result) => Ok(Json(Ticked { ok: true, result })),
        Err(error) => {
            let status = match error {
                TickError::AlreadyLooking => StatusCode::CONFLICT,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            Err(NotSo::tried(status, error.to_string()))
        }
    }
}

async fn sign_in(face: &Face, email: String) -> Result<SignedIn, ManaError> {
    let mana = &face.runner.deps().mana;
    let account = mana.sign_in(&email).await?;
    let space = mana.personal_space(&account).await?;
    Ok(SignedIn { ok: true, email, user_id: account.user.clone(), space_id: space.id })
}

/// What did not come to pass, in the shapes of contract 7.2.
#[derive(Debug)]
pub(super) struct NotSo(StatusCode, ContractRefusal);

impl NotSo {
    fn untried(status: StatusCode, error: impl Into<String>) -> Self {
        Self(status, ContractRefusal { ok: None, error: error.into(), hint: None })
    }

    fn tried(status: StatusCode, error: impl Into<String>) -> Self {
        Self(status, ContractRefusal { ok: Some(false), error: error.into(), hint: None })
    }
}

impl IntoResponse for NotSo {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

fn disabled() -> NotSo {
    NotSo::untried(StatusCode::NOT_FOUND, "diagnostics disabled in production")
}
