//! `GET /api/compare?a=&b=`: two turns side by side, and where they differ.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use crate::evidence::TwoTurns;
use crate::store::wanted;
use domain::code::Code;

/// Two turns side by side.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Compared(TwoTurns);

impl JsonSchema for Compared {
    fn schema_name() -> Cow<'static, str> {
        "Compared".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Two turns side by side, as `persona-host turns diff --json` prints them (docs/commands.md): their ids `a` and \
                `b`, then `facts`, `prompts`, `calls` and `ratings`, each with what `a` and `b` have of it and whether it `differs`; \
                `lines` of a prompt are in `a`, in `b`, or in `both`.",
            "type": "object",
            "required": ["a", "b", "facts", "prompts", "calls", "ratings"],
        })
    }
}

/// Both are named as on the command line: by an id, or its beginning.
pub(super) async fn compare(
    State(face): State<Face>,
    mut filters: Filters,
) -> Result<Json<Compared>, ApiError> {
    let (a, b) = (turn(&mut filters, "a")?, turn(&mut filters, "b")?);
    filters.end()?;
    let ledger = &face.runner.deps().ledger;
    let (a, b) = (a.ok_or_else(|| missing("a"))?, b.ok_or_else(|| missing("b"))?);
    Ok(Json(Compared(TwoTurns::of(&ledger.show(&a).await?, &ledger.show(&b).await?))))
}

fn turn(filters: &mut Filters, name: &'static str) -> Result<Option<String>, ApiError> {
    filters.read(name, |text| wanted::named(text, "the id of a turn"))
}

fn missing(name: &str) -> ApiError {
    let message = format!("the parameter {name:?} is missing: it must be the id of a turn");
    ApiError::new(StatusCode::BAD_REQUEST, Code::BadFilter, message)
        .hint("two turns are compared: ?a=ID&b=ID; /api/turns lists them")
}
