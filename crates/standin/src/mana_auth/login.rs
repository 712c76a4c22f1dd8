//! `POST /api/v1/auth/login`: mana-auth's own wrapper around better-auth's sign-in (contract 3.1).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::accounts::{credentials, not_verified};
use super::answer::Refusal;
use super::auth::ManaAuth;

/// The answer has the session token *and* the JWT, and no cookie (contract D1, D3).
pub(super) async fn login(State(auth): State<Arc<ManaAuth>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    // In the words of its later generation.
    auth.take_sign_in().map_err(|seconds| {
        let body = json!({
            "error": "RATE_LIMITED", "message": "Too many requests", "status": 429, "retryAfterSec": seconds,
        });
        Refusal::Later("retry-after", seconds, StatusCode::TOO_MANY_REQUESTS, body)
    })?;
    if auth.takes_fault(|faults| &mut faults.sign_ins) {
        return Err(Refusal::fault());
    }
    let (email, password) = credentials(&body).ok_or(Refusal::WouldFail("the body is not JSON"))?;
    if let Some(seconds) = auth.locked_seconds(&email).await? {
        let body = json!({"error": "Account locked", "remainingSeconds": seconds});
        return Err(Refusal::Said(StatusCode::TOO_MANY_REQUESTS, body));
    }
    let Some(user) = auth.user_by_password(&email, &password).await? else {
        auth.failed_login(&email).await?;
        return Err(Refusal::error(StatusCode::UNAUTHORIZED, "Invalid credentials"));
    };
    if !user.email_verified {
        return Err(not_verified(true));
    }
    auth.forget_failures(&email).await?;
    let session = auth.begin_session(user).await?;
    Ok(Json(json!({
        "redirect": false,
        "token": session.token,
        "user": session.user.shown(),
        "accessToken": auth.mint(&session),
        "refreshToken": session.token,
    })))
}
