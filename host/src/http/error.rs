//! Errors of the API: a status and `{"error", "hint"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::evidence::NoEvidence;
use crate::store::LedgerError;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    hint: Option<String>,
}

impl ApiError {
    /// An answer with this status.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hint: None }
    }

    /// Its parts: the status, what happened, and what to do.
    pub(super) fn parts(self) -> (StatusCode, String, Option<String>) {
        (self.status, self.message, self.hint)
    }

    /// The same with advice.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let status = match error {
            LedgerError::NoSuchTurn { .. } => StatusCode::NOT_FOUND,
            LedgerError::Ambiguous { .. } => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { hint: error.hint().map(str::to_owned), ..Self::new(status, error.to_string()) }
    }
}

impl From<NoEvidence> for ApiError {
    fn from(error: NoEvidence) -> Self {
        let status = match error {
            NoEvidence::Ledger(error) => return error.into(),
            NoEvidence::NoExperiment { .. } | NoEvidence::NoVersion { .. } | NoEvidence::NoPhase { .. } => {
                StatusCode::NOT_FOUND
            }
            NoEvidence::Unanalyzable { .. } => StatusCode::CONFLICT,
        };
        Self { hint: error.hint(), ..Self::new(status, error.to_string()) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.message });
        if let Some(hint) = self.hint {
            body["hint"] = hint.into();
        }
        (self.status, Json(body)).into_response()
    }
}
