//! Who may ask for what: this machine, or whoever has an admin token.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::arrival::{Arrival, is_of_another_page, is_shown_to_another_page};
use super::error::ApiError;
use super::lock::{Lock, Tried};
use domain::code::Code;

/// What the answer to a wrong token asks of whoever guesses, in seconds.
const LATER: HeaderValue = HeaderValue::from_static("60");

/// Refuses whatever is meant for another name than ours.
pub(super) async fn by_our_names(
    State(lock): State<Arc<Lock>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
    next: Next,
) -> Response {
    match arrival.foreign_name(&request, lock.names()) {
        None => next.run(request).await,
        Some(name) => {
            let message = format!("this server answers requests for its own names only, not for {name:?}");
            let hint = "ask for localhost or for the address that it listens on, or add the name to http.allowed_hosts";
            ApiError::new(StatusCode::FORBIDDEN, Code::WrongName, message).hint(hint).into_response()
        }
    }
}

/// For a server that more can reach than may ask: everything but the health of the process needs the token.
pub(super) async fn with_a_token(
    State(lock): State<Arc<Lock>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
    next: Next,
) -> Response {
    if request.uri().path().starts_with("/health") {
        return next.run(request).await;
    }
    match tried(&lock, arrival, request.headers(), is_shown_to_another_page) {
        Some(Tried::Right | Tried::ToLook) => next.run(request).await,
        tried => {
            let message = "persona-host answers here whoever has its admin token, or to look its view token";
            refused(tried, &lock, message, true, wants_a_page(request.headers()))
        }
    }
}

/// Where looking needs a token, too, being on this machine opens no deed: the admin token does.
pub(super) async fn with_an_admin_token(
    State(lock): State<Arc<Lock>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
    next: Next,
) -> Response {
    match tried(&lock, arrival, request.headers(), is_of_another_page) {
        Some(Tried::Right) => next.run(request).await,
        tried => {
            let message = "this makes persona-host do something, and is for whoever has its admin token";
            refused(tried, &lock, message, false, wants_a_page(request.headers()))
        }
    }
}

/// Lets a request pass that comes from this machine itself, or has the token.
pub(super) async fn from_here_or_with_a_token(
    State(lock): State<Arc<Lock>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
    next: Next,
) -> Response {
    if arrival.is_from_here(&request) {
        return next.run(request).await;
    }
    match tried(&lock, arrival, request.headers(), is_of_another_page) {
        Some(Tried::Right) => next.run(request).await,
        tried => refused(
            tried,
            &lock,
            "this makes persona-host do something, and may be asked for from its own machine only: by no proxy, and by \
             no page of others",
            false,
            false,
        ),
    }
}

/// What came of the token that the request has; none if it has none, or if a browser sent it for a page of others.
fn tried(
    lock: &Lock,
    arrival: Arrival,
    headers: &HeaderMap,
    is_of_others: fn(&HeaderMap) -> bool,
) -> Option<Tried> {
    let given = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = given.split_once(' ')?;
    let tried = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => lock.try_token(token),
        // A browser sends it by itself, whichever page asks: one of others is not heard.
        "basic" if !is_of_others(headers) => lock.try_token(&password(token)?),
        _ => return None,
    };
    if tried == Tried::WrongAnew {
        tracing::warn!(peer = %arrival.peer, "a wrong token was given; further ones within a minute are not told");
    }
    Some(tried)
}

/// The password of HTTP Basic (RFC 7617), as which a person types the token into a browser, under any name.
fn password(credentials: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// Whether a person in front of a browser asks, who can be asked for the token.
fn wants_a_page(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accepted| accepted.to_str().ok())
        .is_some_and(|text| text.contains("text/html"))
}

/// Whether there is a token at all is no secret; which one it is is.
fn refused(tried: Option<Tried>, lock: &Lock, message: &str, to_look: bool, asks_a_person: bool) -> Response {
    if tried == Some(Tried::WrongTooOften) {
        let error = ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            Code::TooManyTokens,
            "too many wrong tokens; the right one is heard",
        );
        return ([(RETRY_AFTER, LATER)], error).into_response();
    }
    if tried == Some(Tried::ToLook) {
        let message =
            format!("{message}; the token that was sent is the view token, which opens what only shows");
        let hint = "send the PERSONA_ADMIN_TOKEN that persona-host was started with";
        return ApiError::new(StatusCode::FORBIDDEN, Code::NotAllowed, message).hint(hint).into_response();
    }
    if !lock.has_tokens(to_look) {
        let message = format!("{message}; no admin token is set there");
        let hint = "set PERSONA_ADMIN_TOKEN where persona-host runs, start it anew, and send the token as \
                    `Authorization: Bearer …`";
        return ApiError::new(StatusCode::FORBIDDEN, Code::NotAllowed, message).hint(hint).into_response();
    }
    let (message, hint) = match tried {
        None => (
            format!("{message}; no admin token was sent"),
            "send it as `Authorization: Bearer …`; commands take it from PERSONA_ADMIN_TOKEN",
        ),
        Some(_) => (
            format!("{message}; the one that was sent is another"),
            "send the PERSONA_ADMIN_TOKEN (or PERSONA_ADMIN_TOKEN_NEXT) that persona-host was started with",
        ),
    };
    let error = ApiError::new(StatusCode::UNAUTHORIZED, Code::NotAllowed, message).hint(hint);
    let by = match asks_a_person {
        true => "Basic realm=\"persona-host: any name, and the admin token\", charset=\"UTF-8\"",
        false => "Bearer",
    };
    ([(WWW_AUTHENTICATE, HeaderValue::from_static(by))], error).into_response()
}
