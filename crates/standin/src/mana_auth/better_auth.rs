//! better-auth's own routes (contract 3.2 and 3.3): sign-in with a cookie and sign-out, tokens, sessions, keys.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{COOKIE, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::accounts::{credentials, not_verified};
use super::answer::Refusal;
use super::auth::ManaAuth;

/// `POST /api/auth/sign-in/email`. The lock after wrong passwords is the wrapper's, not better-auth's.
pub(super) async fn sign_in(State(auth): State<Arc<ManaAuth>>, body: Bytes) -> Result<Response, Refusal> {
    auth.take_sign_in().map_err(|seconds| {
        let body = json!({"message": "Too many requests. Please try again later."});
        Refusal::Later("x-retry-after", seconds, StatusCode::TOO_MANY_REQUESTS, body)
    })?;
    if auth.takes_fault(|faults| &mut faults.sign_ins) {
        return Err(Refusal::fault());
    }
    let (email, password) = credentials(&body).ok_or_else(|| {
        Refusal::better_auth(StatusCode::BAD_REQUEST, "Invalid JSON in request body", "VALIDATION_ERROR")
    })?;
    let user = auth.user_by_password(&email, &password).await?.ok_or_else(|| {
        let message = "Invalid email or password";
        Refusal::better_auth(StatusCode::UNAUTHORIZED, message, "INVALID_EMAIL_OR_PASSWORD")
    })?;
    if !user.email_verified {
        return Err(not_verified(false));
    }
    let session = auth.begin_session(user).await?;
    let body = json!({"redirect": false, "token": session.token, "user": session.user.shown()});
    Ok(([(SET_COOKIE, auth.cookie(&session))], Json(body)).into_response())
}

/// `POST /api/auth/sign-out`: ends the session. Beside a cookie an origin is wanted, and it has to be mana-auth's
/// own: better-auth's guard against forged requests.
pub(super) async fn sign_out(
    State(auth): State<Arc<ManaAuth>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    if headers.contains_key(COOKIE) && origin != Some(auth.options.base_url.as_str()) {
        let (message, code) = match origin {
            None => ("Missing or null Origin", "MISSING_OR_NULL_ORIGIN"),
            Some(_) => ("Invalid origin", "INVALID_ORIGIN"),
        };
        return Err(Refusal::better_auth(StatusCode::FORBIDDEN, message, code));
    }
    if let Some(session) = auth.session_of_cookie(&headers).await? {
        auth.end_session(&session).await?;
    }
    Ok(Json(json!({"success": true})))
}

/// `GET /api/auth/token`: a fresh JWT, as often as wanted.
pub(super) async fn token(
    State(auth): State<Arc<ManaAuth>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let session = auth.session_of_cookie(&headers).await?.ok_or_else(Refusal::no_session)?;
    Ok(Json(json!({"token": auth.mint(&session)})))
}

/// `GET /api/auth/get-session`: who it is, and a JWT in the header `set-auth-jwt`; `null` for nobody.
pub(super) async fn get_session(
    State(auth): State<Arc<ManaAuth>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Some(session) = auth.session_of_cookie(&headers).await? else {
        return Ok(Json(Value::Null).into_response());
    };
    let body = json!({
        "session": {
            "id": session.id,
            "token": session.token,
            "userId": session.user.id,
            "expiresAt": session.expires_at.text(),
        },
        "user": session.user.shown(),
    });
    Ok(([("set-auth-jwt", auth.mint(&session))], Json(body)).into_response())
}

/// `GET /api/auth/jwks`.
pub(super) async fn jwks(State(auth): State<Arc<ManaAuth>>) -> Json<Value> {
    Json(auth.verifier().jwks())
}
