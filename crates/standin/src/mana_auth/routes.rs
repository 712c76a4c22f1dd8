//! mana-auth's paths. The persona endpoints answer at both of the places they had (contract 4, 5, 10).

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use serde_json::json;

use super::auth::ManaAuth;
use super::{admin, better_auth, guards, login, personas, spaces, vault};

const PAGE: &str = "<!doctype html><title>mana-auth (stand-in)</title>
<h1>mana-auth: a stand-in</h1>
<p>This server belongs to persona-host. It behaves like mana-auth towards a runner, and holds nobody's account.</p>";

impl ManaAuth {
    /// All routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let service_key = from_fn_with_state(self.clone(), guards::service_key);
        let user = from_fn_with_state(self.clone(), guards::user);
        let admin = from_fn_with_state(self.clone(), guards::admin);

        let for_runner = Router::new()
            .route("/due", get(personas::due))
            .route("/{id}/actions", post(personas::actions))
            .route("/{id}/feedback", post(personas::feedback))
            .fallback(not_found)
            .layer(service_key.clone());
        let for_admin = Router::new()
            .route("/", get(admin::list).post(admin::create))
            .route("/{id}", get(admin::show).delete(admin::delete))
            .layer(admin);
        let memberships = get(spaces::memberships).layer(service_key);
        let vault = Router::new()
            .route("/status", get(vault::status))
            .route("/init", post(vault::init))
            .route("/key", get(vault::key))
            .layer(user);

        Router::new()
            .route("/", get(async || Html(PAGE)))
            .route("/health", get(async || axum::Json(json!({"status": "ok", "service": "mana-auth"}))))
            .route("/api/v1/auth/login", post(login::login))
            .route("/api/auth/sign-in/email", post(better_auth::sign_in))
            .route("/api/auth/sign-out", post(better_auth::sign_out))
            .route("/api/auth/token", get(better_auth::token))
            .route("/api/auth/get-session", get(better_auth::get_session))
            .route("/api/auth/jwks", get(better_auth::jwks))
            .route("/api/auth/organization/list", get(spaces::list))
            .route("/api/v1/internal/users/{id}/memberships", memberships)
            .nest("/api/v1/me/encryption-vault", vault)
            .nest("/api/v1/internal/personas", for_runner.clone())
            .nest("/api/v1/personas/internal", for_runner)
            .nest("/api/v1/admin/personas", for_admin.clone())
            .nest("/api/v1/personas/admin", for_admin)
            .fallback(not_found)
            .method_not_allowed_fallback(not_found)
            .with_state(self.clone())
    }
}

/// Wrong methods too: the real router knows only whole routes.
async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, "404 Not Found")
}
