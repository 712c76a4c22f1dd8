//! What every request to `/mcp` has to pass before the protocol sees it: the table of contract 8.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};

use super::mcp::ManaMcp;
use super::session::{Caller, PROTOCOL_VERSIONS, Protocol};

const SESSION: &str = "mcp-session-id";
const MAX_BODY: usize = 4 << 20;

/// Checks a request, hands it to the protocol, and sets the answer to what the real server says.
pub(super) async fn enter(
    State((mcp, protocol)): State<(Arc<ManaMcp>, Protocol)>,
    request: Request,
) -> Response {
    match passed(&mcp, request).await {
        Err(refusal) => *refusal,
        Ok((request, caller)) => answered(&mcp, &protocol, request, &caller).await,
    }
}

/// A refusal is boxed because a response is large.
type Checked<T> = Result<T, Box<Response>>;

async fn passed(mcp: &ManaMcp, request: Request) -> Checked<(Request, Caller)> {
    let caller = caller(mcp, request.headers())?;
    let session = text(request.headers(), SESSION);
    match session {
        Some(session) => match mcp.owner(session).await {
            None => return Err(refusal(StatusCode::NOT_FOUND, "Session not found")),
            Some(owner) if owner != caller.user => {
                return Err(refusal(StatusCode::FORBIDDEN, "Session belongs to a different user"));
            }
            Some(_) => {}
        },
        None if request.method() != Method::POST => {
            return Err(refusal(StatusCode::BAD_REQUEST, "Bad request"));
        }
        None => {}
    }
    let has_session = session.is_some();
    acceptable(&request)?;
    let mut request = if has_session {
        known_version(request.headers())?;
        request
    } else {
        opening(mcp, request).await?
    };
    request.extensions_mut().insert(caller.clone());
    Ok((request, caller))
}

async fn answered(mcp: &ManaMcp, protocol: &Protocol, request: Request, caller: &Caller) -> Response {
    let closes = request.method() == Method::DELETE;
    if closes {
        mcp.hear_goodbye().await;
    }
    let mut response = protocol.handle(request).await.map(Body::new);
    if let Some(session) = text(response.headers(), SESSION) {
        mcp.owns(session, &caller.user);
    }
    if closes && response.status().is_success() {
        *response.status_mut() = StatusCode::OK;
    }
    response
}

/// Who asks, for which space. Membership of the space is not checked, as in the original.
fn caller(mcp: &ManaMcp, headers: &HeaderMap) -> Checked<Caller> {
    let unauthorized = |error: &str| refusal(StatusCode::UNAUTHORIZED, error);
    let jwt = text(headers, AUTHORIZATION.as_str())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .ok_or_else(|| unauthorized("Missing or malformed Authorization header"))?;
    let claims = mcp
        .options
        .verifier
        .verify(jwt, mcp.options.clock.now())
        .map_err(|problem| unauthorized(&format!("Invalid token: {problem}")))?;
    if mcp.faults().tokens_since.is_some_and(|since| claims.iat < since.timestamp()) {
        return Err(unauthorized("Invalid token: no applicable key found in the JSON Web Key Set"));
    }
    let space = text(headers, "x-mana-space")
        .map(str::trim)
        .filter(|space| !space.is_empty())
        .ok_or_else(|| unauthorized("Missing X-Mana-Space header (set to the active Space ID)"))?;
    Ok(Caller { user: claims.sub, jwt: jwt.to_owned(), space: space.to_owned() })
}

fn acceptable(request: &Request) -> Checked<()> {
    let accept = text(request.headers(), ACCEPT.as_str()).unwrap_or_default();
    let accepts = |kind: &str| accept.split(',').any(|item| item.trim().starts_with(kind));
    let not_acceptable = |message: &str| rpc_refusal(StatusCode::NOT_ACCEPTABLE, -32000, message);
    if request.method() == Method::POST {
        if !(accepts("application/json") && accepts("text/event-stream")) {
            let message = "Not Acceptable: Client must accept both application/json and text/event-stream";
            return Err(not_acceptable(message));
        }
        let content = text(request.headers(), CONTENT_TYPE.as_str()).unwrap_or_default();
        if !content.trim_start().starts_with("application/json") {
            let message = "Unsupported Media Type: Content-Type must be application/json";
            return Err(rpc_refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, -32000, message));
        }
    } else if request.method() == Method::GET && !accepts("text/event-stream") {
        return Err(not_acceptable("Not Acceptable: Client must accept text/event-stream"));
    }
    Ok(())
}

/// A session has agreed on a version; a request in it that names one nobody knows is refused.
fn known_version(headers: &HeaderMap) -> Checked<()> {
    let Some(version) = text(headers, "mcp-protocol-version") else { return Ok(()) };
    let is_known = PROTOCOL_VERSIONS.iter().map(ProtocolVersion::as_str).any(|known| known == version);
    if is_known {
        return Ok(());
    }
    let known: Vec<_> = PROTOCOL_VERSIONS.iter().map(ProtocolVersion::as_str).collect();
    let known = known.join(", ");
    let message =
        format!("Bad Request: Unsupported protocol version: {version} (supported versions: {known})");
    Err(rpc_refusal(StatusCode::BAD_REQUEST, -32000, &message))
}

/// Without a session only `initialize` is accepted.
async fn opening(mcp: &ManaMcp, request: Request) -> Checked<Request> {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, MAX_BODY)
        .await
        .map_err(|_| rpc_refusal(StatusCode::PAYLOAD_TOO_LARGE, -32000, "Payload Too Large"))?;
    let message: Value = serde_json::from_slice(&body)
        .map_err(|_| rpc_refusal(StatusCode::BAD_REQUEST, -32700, "Parse error: Invalid JSON"))?;
    if message["method"] != "initialize" {
        let text = "Bad Request: Server not initialized";
        return Err(rpc_refusal(StatusCode::BAD_REQUEST, -32000, text));
    }
    if mcp.faults().refuses_initialize {
        return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "the stand-in was told to refuse initialize"));
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refusal(status: StatusCode, error: &str) -> Box<Response> {
    Box::new((status, Json(json!({"error": error}))).into_response())
}

fn rpc_refusal(status: StatusCode, code: i32, message: &str) -> Box<Response> {
    let error = json!({"code": code, "message": message});
    Box::new((status, Json(json!({"jsonrpc": "2.0", "error": error, "id": null}))).into_response())
}
