//! The routes, and listening on the port.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::face::Face;
use super::{admin, api, brakes, costs, diag, filters, health, loopback, personas, plugins};

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

/// Answers until `stop`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, face: Face, stop: CancellationToken) -> std::io::Result<()> {
    let loopback = listener.local_addr()?.ip().is_loopback();
    let routes = router(face);
    // Whoever listens on loopback only wants to be asked by this machine, not by a page in a
    // browser whose name was made to point here.
    let routes = if loopback { routes.layer(from_fn(loopback::only)) } else { routes };
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// The routes of contract 7.2, and the API.
pub fn router(face: Face) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .route("/diag/login", get(diag::login))
        .route("/diag/tick", post(diag::tick))
        .route("/api/turns", get(api::turns))
        .route("/api/costs", get(costs::costs))
        .merge(without_filters())
        .merge(changes(face.clone()))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .with_state(face)
}

/// What shows all that there is.
fn without_filters() -> Router<Face> {
    Router::new()
        .route("/api/personas", get(personas::open))
        .route("/api/turns/{id}", get(api::turn))
        .route("/api/strategies", get(api::strategies))
        .route("/api/plugins", get(plugins::list))
        .route("/api/plugins/{name}/logs", get(plugins::logs))
        .route_layer(from_fn(filters::none))
}

/// What changes something; not everybody may ask for it.
fn changes(face: Face) -> Router<Face> {
    Router::new()
        .route("/api/plugins/{name}/reload", post(plugins::reload))
        .route("/api/plugins/{name}/rollback", post(plugins::rollback))
        .route("/api/personas/{email}/release", post(personas::release))
        .route("/api/turns/{id}/resume", post(api::resume))
        .route_layer(from_fn(filters::none))
        .route("/api/pause", post(brakes::pause))
        .route("/api/resume", post(brakes::resume))
        .layer(from_fn_with_state(face, admin::only))
}

/// Contract 7.2: whatever is not served answers 404, also a served path with another method.
async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "404 Not Found")
}
