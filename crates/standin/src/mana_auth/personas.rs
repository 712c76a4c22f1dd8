//! The persona endpoints for the runner (contract 4): who is due, what they did, how they liked it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value as Document, json};

use super::answer::Refusal;
use super::auth::ManaAuth;
use super::due::is_due;
use super::module_mix::in_jsonb_order;
use super::rows;
use crate::database::{DatabaseError, Moment, Row, Value};

type Statement = (&'static str, Vec<Value>);

/// `GET …/due`: longest inactive first, those who never were before all. The real one leaves the order
/// of equals open; here the one who was made first comes first.
pub(super) async fn due(State(auth): State<Arc<ManaAuth>>) -> Result<Json<Document>, Refusal> {
    if auth.takes_fault(|faults| &mut faults.due_lists) {
        return Err(Refusal::fault());
    }
    let sql = "SELECT p.user_id, u.email, p.archetype, p.system_prompt, p.module_mix, p.tick_cadence,
                      p.last_active_at
               FROM auth.personas p JOIN auth.users u ON u.id = p.user_id
               WHERE u.deleted_at IS NULL
               ORDER BY p.last_active_at ASC NULLS FIRST, p.created_at, p.user_id";
    let now = auth.now();
    let mut personas = Vec::new();
    for row in auth.database().rows(sql, &[]).await? {
        let last_active = row.maybe_moment("last_active_at")?;
        if is_due(&row.text("tick_cadence")?, last_active.map(Moment::at), now.at()) {
            personas.push(due_entry(&row)?);
        }
    }
    Ok(Json(json!({"personas": personas, "serverTime": now.text()})))
}

/// `POST …/:id/actions`. Moves `last_active_at`, also when every row was there already.
pub(super) async fn actions(
    State(auth): State<Arc<ManaAuth>>,
    Path(persona): Path<String>,
    body: Bytes,
) -> Result<Json<Document>, Refusal> {
    deliverable(&auth, &persona).await?;
    let (rows, now) = (rows::actions(&body)?, auth.now());
    let written = rows.len();
    let mut statements: Vec<Statement> = rows
        .into_iter()
        .map(|row| {
            (
                "INSERT INTO auth.persona_actions (id, persona_id, tick_id, tool_name, input_hash, result,
                                                   error_message, latency_ms, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
                vec![
                    row.id.into(),
                    persona.as_str().into(),
                    row.tick_id.into(),
                    row.tool_name.into(),
                    Value::Text(row.input_hash),
                    row.result.into(),
                    Value::Text(row.error_message),
                    Value::Integer(row.latency_ms),
                    now.into(),
                ],
            )
        })
        .collect();
    statements.push((
        "UPDATE auth.personas SET last_active_at = $2 WHERE user_id = $1",
        vec![persona.into(), now.into()],
    ));
    keep(&auth, &statements, written).await
}

/// `POST …/:id/feedback`. Leaves `last_active_at` alone.
pub(super) async fn feedback(
    State(auth): State<Arc<ManaAuth>>,
    Path(persona): Path<String>,
    body: Bytes,
) -> Result<Json<Document>, Refusal> {
    deliverable(&auth, &persona).await?;
    let (rows, now) = (rows::feedback(&body)?, auth.now());
    let written = rows.len();
    let statements: Vec<Statement> = rows
        .into_iter()
        .map(|row| {
            (
                "INSERT INTO auth.persona_feedback (id, persona_id, tick_id, module, rating, notes, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING",
                vec![
                    row.id.into(),
                    persona.as_str().into(),
                    row.tick_id.into(),
                    row.module.into(),
                    row.rating.into(),
                    Value::Text(row.notes),
                    now.into(),
                ],
            )
        })
        .collect();
    keep(&auth, &statements, written).await
}

fn due_entry(row: &Row) -> Result<Document, DatabaseError> {
    Ok(json!({
        "userId": row.text("user_id")?,
        "email": row.text("email")?,
        "archetype": row.text("archetype")?,
        "systemPrompt": row.text("system_prompt")?,
        "moduleMix": in_jsonb_order(row.json("module_mix")?),
        "tickCadence": row.text("tick_cadence")?,
        "lastActiveAt": row.maybe_moment("last_active_at")?.map(Moment::text),
    }))
}

/// The persona is looked up before the body is read (contract 4.4).
async fn deliverable(auth: &ManaAuth, persona: &str) -> Result<(), Refusal> {
    if auth.takes_fault(|faults| &mut faults.deliveries) {
        return Err(Refusal::fault());
    }
    let sql = "SELECT 1 AS there FROM auth.personas WHERE user_id = $1";
    match auth.database().row(sql, &[persona.into()]).await? {
        Some(_) => Ok(()),
        None => Err(Refusal::error(StatusCode::NOT_FOUND, "Persona not found")),
    }
}

/// `written` is what was sent, not what was new.
async fn keep(auth: &ManaAuth, statements: &[Statement], written: usize) -> Result<Json<Document>, Refusal> {
    auth.database().execute_all(statements).await?;
    if auth.takes_fault(|faults| &mut faults.lost_answers) {
        return Err(Refusal::error(StatusCode::BAD_GATEWAY, "the stand-in was told to lose this answer"));
    }
    Ok(Json(json!({"ok": true, "written": written})))
}
