//! The three forms in which mana-auth refuses (contract 3).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::database::DatabaseError;

/// A refusal.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Thrown by a custom route: `{"statusCode":…,"message":…}`.
    Thrown(StatusCode, &'static str),
    /// Answered by a custom route or by better-auth, with a body of its own.
    Said(StatusCode, Value),
    /// The same, and how many seconds to wait, under the name of the header that says so.
    Later(&'static str, i64, StatusCode, Value),
    /// A statement failed: a thrown 500 that does not say why.
    Failed(DatabaseError),
    /// The original would fail in its database where ours would not: the same thrown 500.
    WouldFail(&'static str),
}

impl Refusal {
    /// `{"error":…}`.
    pub(super) fn error(status: StatusCode, error: &str) -> Self {
        Self::Said(status, json!({"error": error}))
    }

    /// better-auth's own form: `{"message":…,"code":…}`.
    pub(super) fn better_auth(status: StatusCode, message: &str, code: &str) -> Self {
        Self::Said(status, json!({"message": message, "code": code}))
    }

    /// better-auth's answer to a request without a session.
    pub(super) fn no_session() -> Self {
        Self::better_auth(StatusCode::UNAUTHORIZED, "Unauthorized", "UNAUTHORIZED")
    }

    /// What a test asked for.
    pub(super) fn fault() -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, "the stand-in was told to fail")
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let thrown = |status: StatusCode, message: &str| {
            let body = json!({"statusCode": status.as_u16(), "message": message});
            (status, Json(body)).into_response()
        };
        match self {
            Self::Thrown(status, message) => thrown(status, message),
            Self::Said(status, body) => (status, Json(body)).into_response(),
            Self::Later(header, seconds, status, body) => {
                (status, [(header, seconds.to_string())], Json(body)).into_response()
            }
            Self::Failed(error) => {
                tracing::warn!(%error, "a request to the stand-in mana-auth failed");
                thrown(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            }
            Self::WouldFail(reason) => {
                tracing::debug!(reason, "a request would fail in the real mana-auth");
                thrown(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            }
        }
    }
}
