//! The routes, and listening on the port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::connections::Limits;
use super::error::ApiError;
use super::face::Face;
use super::outlet::Readers;
use super::{admission, connections, document, error, pages};
use crate::evidence::Reports;
use domain::code::Code;

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
    let readers = Readers::new(limits.readers, limits.patience);
    connections::answer(listener, router(face, readers, is_free), limits, stop).await
}

/// The routes of contract 7.2, and the API, with what each request has to pass before.
fn router(face: Face, readers: Readers, is_free: bool) -> Router {
    let lock = Arc::clone(&face.lock);
    let mut served = pages::routes();
    for route in document::routes() {
        let (path, is_deed, handler) = route.served();
        let lock = Arc::clone(&lock);
        let handler = match (is_deed, is_free) {
            (true, true) => {
                handler.route_layer(from_fn_with_state(lock, admission::from_here_or_with_a_token))
            }
            (true, false) => handler.route_layer(from_fn_with_state(lock, admission::with_an_admin_token)),
            (false, _) => handler,
        };
        served = served.route(path, handler);
    }
    let routes = served
        .layer(Extension(readers))
        // Experiments are computed once for all who look.
        .layer(Extension(Arc::new(Reports::default())))
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
        .layer(from_fn(error::in_the_shape_of_the_route))
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
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, message).into_response()
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
    ApiError::new(StatusCode::NOT_FOUND, Code::NoSuchRoute, message)
        .hint("the page /api and /api/openapi.json list what there is")
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
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, Code::WrongMethod, message).hint(hint).into_response()
}

fn is_of_the_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}
