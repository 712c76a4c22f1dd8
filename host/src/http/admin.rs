//! Who may ask for a change: this machine, or whoever has the admin token.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, FORWARDED};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};
use secrecy::ExposeSecret as _;

use super::error::ApiError;
use super::face::Face;
use super::loopback::foreign_name;

/// What proxies put the real client into.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Lets a request pass that comes from this machine itself, or has the token.
pub(super) async fn only(
    State(face): State<Face>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if is_from_here(peer, &request) || has_token(request.headers(), face.admin_token.expose_secret()) {
        return next.run(request).await;
    }
    ApiError::new(
        StatusCode::FORBIDDEN,
        "this changes persona-host, and may be asked for from its own machine only",
    )
    .hint("ask on that machine, or set PERSONA_ADMIN_TOKEN there and send it as `Authorization: Bearer …`")
    .into_response()
}

/// A page in a browser on this machine comes from here too, and so does everything behind a proxy:
/// neither counts.
fn is_from_here(peer: SocketAddr, request: &Request) -> bool {
    let headers = request.headers();
    let proxied = headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR);
    peer.ip().to_canonical().is_loopback() && !proxied && foreign_name(request).is_none()
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|given| given.strip_prefix("Bearer "));
    // Digests are compared, so that the time it takes tells nothing about the token.
    let same = |given: &str| {
        digest(&SHA256, given.as_bytes()).as_ref() == digest(&SHA256, token.as_bytes()).as_ref()
    };
    !token.is_empty() && given.is_some_and(same)
}
