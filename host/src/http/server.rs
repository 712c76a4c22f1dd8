//! The routes, and listening on the port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::connections::Limits;
use super::error::ApiError;
use super::face::Face;
use super::lock::Lock;
use super::{
    admission, api, asked, brakes, connections, costs, diag, filters, health, live, pages, personas, plugins,
    ready,
};

/// Bytes of a request's body; none has more than a few words.
const BODY: usize = 64 << 10;

/// Why the port cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}")]
pub struct ListenError {
    /// What was asked for.
    pub address: SocketAddr,
    /// The system's words.
    pub cause: std::io::Error,
}

impl ListenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self.cause.kind() {
            std::io::ErrorKind::AddrInUse => {
                let port = self.address.port();
                format!("another program uses port {port}: stop it, or choose another with PORT or http.port")
            }
            _ => "correct http.bind and http.port".to_owned(),
        }
    }
}

/// Takes the port; port 0 takes a free one.
///
/// # Errors
/// When it is taken or may not be used.
pub async fn listen(bind: IpAddr, port: u16) -> Result<TcpListener, ListenError> {
    let address = SocketAddr::new(bind, port);
    TcpListener::bind(address).await.map_err(|cause| ListenError { address, cause })
}

/// Answers until `stop`, with as many connections as the process can afford.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, face: Face, stop: CancellationToken) -> std::io::Result<()> {
    serve_within(listener, face, Limits::of_this_process(), stop).await
}

/// The same within these limits.
///
/// # Errors
/// As [`serve`].
pub async fn serve_within(
    listener: TcpListener,
    face: Face,
    limits: Limits,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let is_free = listener.local_addr()?.ip().to_canonical().is_loopback() && !face.lock.is_for_all();
    connections::answer(listener, router(face, is_free), limits, stop).await
}

/// The routes of contract 7.2, and the API, with what each request has to pass before.
fn router(face: Face, is_free: bool) -> Router {
    let lock = Arc::clone(&face.lock);
    let routes = Router::new()
        .route("/health", get(health::health))
        .route("/health/live", get(ready::live))
        .route("/health/ready", get(ready::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/turns", get(api::turns))
        .route("/api/costs", get(costs::costs))
        .route("/events", get(live::events))
        .merge(pages::routes())
        .merge(without_filters())
        .merge(deeds(Arc::clone(&lock)))
        .fallback(not_found)
        .method_not_allowed_fallback(not_so)
        .with_state(face);
    let routes = match is_free {
        true => routes,
        false => routes.layer(from_fn_with_state(Arc::clone(&lock), admission::with_a_token)),
    };
    routes
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(short_and_for_programs))
        .layer(from_fn_with_state(lock, admission::by_our_names))
}

/// What shows all that there is.
fn without_filters() -> Router<Face> {
    Router::new()
        .route("/api/personas", get(personas::open))
        .route("/api/turns/{id}", get(api::turn))
        .route("/api/strategies", get(api::strategies))
        .route("/api/plugins", get(plugins::list))
        .route("/api/plugins/{name}/logs", get(plugins::logs))
        .route("/api/pause", get(brakes::show))
        .route_layer(from_fn(filters::none))
}

/// What makes the program do something, be it a sign-in; not everybody may ask for it.
fn deeds(lock: Arc<Lock>) -> Router<Face> {
    Router::new()
        .route("/api/plugins/{name}/reload", post(plugins::reload))
        .route("/api/plugins/{name}/rollback", post(plugins::rollback))
        .route("/api/personas/{email}/release", post(personas::release))
        .route("/api/turns/{id}/resume", post(api::resume))
        .route("/diag/tick", post(diag::tick))
        .route_layer(from_fn(asked::nothing))
        .route("/diag/login", get(diag::login))
        .route("/api/pause", post(brakes::pause))
        .route("/api/resume", post(brakes::resume))
        .layer(from_fn_with_state(lock, admission::from_here_or_with_a_token))
}

/// Refuses a long body before it is sent, and says of every answer that it is no page: what is in it was written by
/// models, plugins and neighbours.
async fn short_and_for_programs(request: Request, next: Next) -> Response {
    let length =
        request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut response = match length {
        Some(length) if length > BODY => {
            let message =
                format!("the request has {length} bytes; nothing is asked for with more than {BODY}");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).into_response()
        }
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A page says itself what it may load.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(nothing);
    response
}

/// Contract 7.2: whatever is not served answers 404. What the API does not serve is told in its own shape.
async fn not_found(uri: Uri) -> Response {
    if !is_of_the_api(&uri) {
        return (StatusCode::NOT_FOUND, "404 Not Found").into_response();
    }
    let message = format!("there is no route {}", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, message)
        .hint("docs/http.md lists the routes of the API")
        .into_response()
}

/// The same of a served path that is asked with another method, which in the API has an answer of its own. Which methods
/// there are is in its header.
async fn not_so(method: Method, uri: Uri) -> Response {
    if !is_of_the_api(&uri) {
        return not_found(uri).await;
    }
    let message = format!("{} is not asked with {method}", uri.path());
    let hint = "the header Allow says with which methods it is";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).hint(hint).into_response()
}

fn is_of_the_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}
