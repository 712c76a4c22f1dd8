//! mana-mcp's paths: the endpoint of the protocol, a page, health and metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use axum::routing::{any, get};
use axum::{Json, Router};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;

use super::gate;
use super::mcp::ManaMcp;
use super::session::Session;

const PAGE: &str = "<!doctype html><title>mana-mcp (stand-in)</title>
<h1>mana-mcp: a stand-in</h1>
<p>This server belongs to persona-host. It behaves like mana-mcp towards a runner; its endpoint is /mcp.</p>";

impl ManaMcp {
    /// All routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let mcp = self.clone();
        let protocol = StreamableHttpService::new(
            move || Ok(Session::new(mcp.clone())),
            self.sessions.clone(),
            StreamableHttpServerConfig::default()
                .with_sse_retry(None)
                .with_cancellation_token(self.options.stop.clone()),
        );
        Router::new()
            .route("/mcp", any(gate::enter))
            .with_state((self.clone(), protocol))
            .route("/", get(async || Html(PAGE)))
            .route("/health", get(health))
            .route("/metrics", get(metrics).with_state(self.clone()))
            .fallback(async || (StatusCode::NOT_FOUND, "404 Not Found"))
    }
}

async fn health() -> impl IntoResponse {
    Json(json!({"status": "ok", "service": "mana-mcp", "registry": {"loaded": true}}))
}

async fn metrics(State(mcp): State<Arc<ManaMcp>>) -> String {
    mcp.metrics.text(mcp.open_sessions().await)
}
