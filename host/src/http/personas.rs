//! `/api/personas`: whoever has mended the cause of a hold lifts it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;

/// `POST /api/personas/{email}/release`: the persona plays at the next tick at which it is due.
pub(super) async fn release(
    State(face): State<Face>,
    Path(email): Path<String>,
) -> Result<Json<Value>, ApiError> {
    match face.runner.release(&email).await? {
        Some(released) => Ok(Json(json!({ "persona": email, "released": released }))),
        None => {
            let message = format!("the ledger has no turn of {email:?}, so nothing keeps it back");
            Err(ApiError::new(StatusCode::NOT_FOUND, message)
                .hint("`persona-host personas list` shows who has run, and who is due"))
        }
    }
}
