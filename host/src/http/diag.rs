//! Diagnostics, in the shapes of contract 7.2. There are none in production.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::face::Face;
use crate::mana::ManaError;
use crate::runner::TickError;

#[derive(Debug, Deserialize)]
pub(super) struct WhoseLogin {
    email: Option<String>,
}

/// `GET /diag/login?email=`: signs a persona in and finds its space.
pub(super) async fn login(
    State(face): State<Face>,
    query: Result<Query<WhoseLogin>, QueryRejection>,
) -> Response {
    if face.production {
        return disabled();
    }
    let email = query.ok().and_then(|Query(query)| query.email);
    let Some(email) = email.filter(|email| !email.is_empty()) else {
        return answer(StatusCode::BAD_REQUEST, json!({ "error": "email query required" }));
    };
    match sign_in(&face, &email).await {
        Ok(found) => answer(StatusCode::OK, found),
        Err(error) => failed(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// `POST /diag/tick`: one tick now, answered at its end.
pub(super) async fn tick(State(face): State<Face>) -> Response {
    if face.production {
        return disabled();
    }
    let missing = |name: &&'static str| face.missing_keys.contains(name);
    if missing(&"MANA_SERVICE_KEY") {
        let error = "MANA_SERVICE_KEY not set — cannot call internal endpoints";
        return answer(StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": error }));
    }
    if missing(&"ANTHROPIC_API_KEY") {
        let error = "ANTHROPIC_API_KEY not set — Claude would fail";
        return answer(StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": error }));
    }
    match face.remote.tick(None).await {
        Ok(report) => answer(StatusCode::OK, json!({ "ok": true, "result": report })),
        Err(error @ TickError::AlreadyLooking) => failed(StatusCode::CONFLICT, &error.to_string()),
        Err(error) => failed(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn sign_in(face: &Face, email: &str) -> Result<Value, ManaError> {
    let mana = &face.runner.deps().mana;
    let account = mana.sign_in(email).await?;
    let space = mana.personal_space(&account).await?;
    Ok(json!({ "ok": true, "email": email, "userId": account.user, "spaceId": space.id }))
}

fn disabled() -> Response {
    answer(StatusCode::NOT_FOUND, json!({ "error": "diagnostics disabled in production" }))
}

fn failed(status: StatusCode, error: &str) -> Response {
    answer(status, json!({ "ok": false, "error": error }))
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}
