//! Who may pass: the service key, a user's token, an admin's token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::answer::Refusal;
use super::auth::ManaAuth;
use super::sessions::bearer;
use crate::token::Claims;

/// Lets through who has the service key (contract 4).
pub(super) async fn service_key(
    State(auth): State<Arc<ManaAuth>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let given = request.headers().get("x-service-key").map(|key| key.as_bytes());
    if given != Some(auth.options.service_key.expose_secret().as_bytes()) {
        return Err(Refusal::Thrown(StatusCode::UNAUTHORIZED, "Invalid or missing service key"));
    }
    Ok(next.run(request).await)
}

/// Lets through who has a token of ours, and notes whose.
pub(super) async fn user(
    State(auth): State<Arc<ManaAuth>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let claims = claims(&auth, request.headers())?;
    request.extensions_mut().insert(claims);
    Ok(next.run(request).await)
}

/// Lets through who has an admin's token (contract 5).
pub(super) async fn admin(
    State(auth): State<Arc<ManaAuth>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if claims(&auth, request.headers())?.role != "admin" {
        let body = json!({"error": "Forbidden", "message": "Admin access required"});
        return Err(Refusal::Said(StatusCode::FORBIDDEN, body));
    }
    Ok(next.run(request).await)
}

fn claims(auth: &ManaAuth, headers: &HeaderMap) -> Result<Claims, Refusal> {
    let missing = Refusal::Thrown(StatusCode::UNAUTHORIZED, "Missing or invalid Authorization header");
    let token = bearer(headers).ok_or(missing)?;
    let claims = auth.signer.verifier().verify(token, auth.options.clock.now()).ok();
    claims
        .filter(|claims| claims.iss == auth.options.base_url)
        .ok_or(Refusal::Thrown(StatusCode::UNAUTHORIZED, "Invalid or expired token"))
}
