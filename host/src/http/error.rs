//! Errors: a status, and `{"error": {"code", "message", "hint"}}`. What contract 7.2 has keeps its own shape.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::evidence::NoEvidence;
use crate::store::LedgerError;
use domain::code::Code;

/// What is answered instead of what was asked for.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Refusal {
    /// Why not.
    error: Why,
}

/// Why something was not done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Why {
    /// What happened, as one of the codes of docs/errors.md. `persona-host explain CODE` tells more.
    #[schemars(schema_with = "codes")]
    code: &'static str,
    /// What happened, as a sentence.
    message: String,
    /// What to do about it, where that is known.
    hint: Option<String>,
}

/// The same in the shape of contract 7.2.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ContractRefusal {
    /// Not there where it was not even tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ok: Option<bool>,
    /// What happened, as a sentence.
    pub(super) error: String,
    /// What to do about it; not part of the contract, so left out where nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

fn codes(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    json_schema!({ "type": "string", "enum": words })
}

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: Code,
    message: String,
    hint: Option<String>,
}

impl ApiError {
    /// An answer with this status.
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None }
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
        Self { hint: error.hint().map(str::to_owned), ..Self::new(status, error.code(), error.to_string()) }
    }
}

impl From<NoEvidence> for ApiError {
    fn from(error: NoEvidence) -> Self {
        let (status, code) = match error {
            NoEvidence::Ledger(error) => return error.into(),
            NoEvidence::NoExperiment { .. } | NoEvidence::NoVersion { .. } | NoEvidence::NoPhase { .. } => {
                (StatusCode::NOT_FOUND, Code::NoSuchExperiment)
            }
            NoEvidence::Unanalyzable { .. } => (StatusCode::CONFLICT, Code::NotComparable),
        };
        Self { hint: error.hint(), ..Self::new(status, code, error.to_string()) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let refusal =
            Refusal { error: Why { code: self.code.word(), message: self.message, hint: self.hint } };
        let mut response = (self.status, Json(&refusal)).into_response();
        response.extensions_mut().insert(refusal);
        response
    }
}

/// What contract 7.2 serves says that something went wrong as the original does: the sentence is the value of `error`.
pub(super) async fn in_the_shape_of_the_route(request: Request, next: Next) -> Response {
    let is_of_the_contract =
        ["/health", "/metrics", "/diag"].iter().any(|own| request.uri().path().starts_with(own));
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Refusal>() {
        Some(Refusal { error }) if is_of_the_contract => {
            let Why { message, hint, .. } = error;
            let body = ContractRefusal { ok: None, error: message, hint };
            let (mut parts, _) = response.into_parts();
            parts.headers.remove(CONTENT_LENGTH);
            Response::from_parts(parts, Json(body).into_response().into_body())
        }
        _ => response,
    }
}
