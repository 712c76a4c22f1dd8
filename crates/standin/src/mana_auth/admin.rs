//! The persona endpoints for administrators (contract 5): make, list, look at and delete.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use chrono::TimeDelta;
use serde_json::{Map, Value as Document, json};

use super::accounts::{NewUser, sign_up_problem};
use super::answer::Refusal;
use super::auth::ManaAuth;
use super::module_mix::in_jsonb_order;
use crate::database::{DatabaseError, Moment, Row, Value};

const CADENCES: [&str; 3] = ["daily", "weekdays", "hourly"];

/// `POST /`: signs the address up if it is new, and makes its user a persona in any case, a human too.
pub(super) async fn create(
    State(auth): State<Arc<ManaAuth>>,
    body: Bytes,
) -> Result<Json<Document>, Refusal> {
    let body: Document = serde_json::from_slice(&body)
        .map_err(|_| Refusal::error(StatusCode::BAD_REQUEST, "Invalid JSON body"))?;
    let new = NewPersona::read(&body).map_err(|details| {
        let body = json!({"error": "ValidationError", "details": details});
        Refusal::Said(StatusCode::BAD_REQUEST, body)
    })?;
    let user = match auth.user_by_email(new.user.email).await? {
        Some(user) => user.id,
        None => sign_up(&auth, new.user).await?,
    };
    let now = auth.now();
    let statements = [
        (
            "UPDATE auth.users SET kind = 'persona', access_tier = 'founder', email_verified = true,
                                   updated_at = $2
             WHERE id = $1",
            vec![user.as_str().into(), now.into()],
        ),
        (
            "INSERT INTO auth.personas (user_id, archetype, system_prompt, module_mix, tick_cadence, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (user_id) DO UPDATE SET archetype = excluded.archetype,
                 system_prompt = excluded.system_prompt, module_mix = excluded.module_mix,
                 tick_cadence = excluded.tick_cadence",
            vec![
                user.as_str().into(),
                new.archetype.into(),
                new.system_prompt.into(),
                Value::Json(in_jsonb_order(Document::Object(new.module_mix.clone()))),
                new.cadence.into(),
                now.into(),
            ],
        ),
    ];
    auth.database().execute_all(&statements).await?;
    Ok(Json(json!({"ok": true, "userId": user, "email": new.user.email.to_lowercase()})))
}

/// `GET /`: newest first.
pub(super) async fn list(State(auth): State<Arc<ManaAuth>>) -> Result<Json<Document>, Refusal> {
    let sql =
        "SELECT p.user_id, u.email, u.name, p.archetype, p.tick_cadence, p.last_active_at, p.created_at,
                      (SELECT count(*) FROM auth.persona_actions a
                       WHERE a.persona_id = p.user_id AND a.created_at >= $1) AS actions_7d
               FROM auth.personas p JOIN auth.users u ON u.id = p.user_id
               WHERE u.deleted_at IS NULL ORDER BY p.created_at DESC, p.user_id";
    let week_ago = Moment::from(auth.now().at() - TimeDelta::days(7));
    let mut personas = Vec::new();
    for row in auth.database().rows(sql, &[week_ago.into()]).await? {
        let mut persona = shown(&row)?;
        persona.insert("actions7d".to_owned(), row.integer("actions_7d")?.into());
        personas.push(persona);
    }
    Ok(Json(json!({"personas": personas})))
}

/// `GET /:id`. `avgRating` is a count, as in the original.
pub(super) async fn show(
    State(auth): State<Arc<ManaAuth>>,
    Path(id): Path<String>,
) -> Result<Json<Document>, Refusal> {
    let sql =
        "SELECT p.user_id, u.email, u.name, p.archetype, p.tick_cadence, p.last_active_at, p.created_at,
                      p.system_prompt, p.module_mix
               FROM auth.personas p JOIN auth.users u ON u.id = p.user_id WHERE p.user_id = $1";
    let row = auth.database().row(sql, &[id.as_str().into()]).await?.ok_or_else(not_found)?;
    let mut persona = shown(&row)?;
    persona.insert("systemPrompt".to_owned(), row.text("system_prompt")?.into());
    persona.insert("moduleMix".to_owned(), in_jsonb_order(row.json("module_mix")?));
    Ok(Json(json!({
        "persona": persona,
        "recentActions": recent_actions(&auth, &id).await?,
        "feedbackByModule": feedback_by_module(&auth, &id).await?,
    })))
}

/// `DELETE /:id`: the user with everything but its space, whose slug stays taken (contract 3.4).
pub(super) async fn delete(
    State(auth): State<Arc<ManaAuth>>,
    Path(id): Path<String>,
) -> Result<Json<Document>, Refusal> {
    let sql = "SELECT CAST(kind AS text) AS kind FROM auth.users WHERE id = $1";
    let row = auth.database().row(sql, &[id.as_str().into()]).await?.ok_or_else(not_found)?;
    if row.text("kind")? != "persona" {
        let body = json!({
            "error": "Refusing to delete non-persona user via this endpoint",
            "hint": "Use /api/v1/admin/users/:id/data instead",
        });
        return Err(Refusal::Said(StatusCode::BAD_REQUEST, body));
    }
    auth.database().execute("DELETE FROM auth.users WHERE id = $1", &[id.as_str().into()]).await?;
    Ok(Json(json!({"ok": true, "deleted": id})))
}

/// What `POST /` asks for.
struct NewPersona<'a> {
    user: NewUser<'a>,
    archetype: &'a str,
    system_prompt: &'a str,
    module_mix: &'a Map<String, Document>,
    cadence: &'a str,
}

impl<'a> NewPersona<'a> {
    /// Reads the body, or says everything that is wrong with it.
    fn read(body: &'a Document) -> Result<Self, Vec<&'static str>> {
        let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
        let email = text("email");
        let password = text("password").filter(|password| password.chars().count() >= 8);
        let archetype = text("archetype");
        let system_prompt = text("systemPrompt");
        let module_mix = body["moduleMix"].as_object();
        let cadence = match &body["tickCadence"] {
            Document::Null => Some("daily"),
            given => given.as_str().filter(|cadence| CADENCES.contains(cadence)),
        };
        let (
            Some(email),
            Some(password),
            Some(archetype),
            Some(system_prompt),
            Some(module_mix),
            Some(cadence),
        ) = (email, password, archetype, system_prompt, module_mix, cadence)
        else {
            let problems = [
                (email.is_none(), "email required"),
                (password.is_none(), "password ≥ 8 chars required"),
                (archetype.is_none(), "archetype required"),
                (system_prompt.is_none(), "systemPrompt required"),
                (module_mix.is_none(), "moduleMix object required"),
                (cadence.is_none(), "tickCadence must be one of daily, weekdays, hourly"),
            ];
            return Err(problems.into_iter().filter(|(is, _)| *is).map(|(_, text)| text).collect());
        };
        let local_part = email.split('@').next().unwrap_or(email);
        let user = NewUser { email, name: text("name").unwrap_or(local_part), password };
        Ok(Self { user, archetype, system_prompt, module_mix, cadence })
    }
}

async fn sign_up(auth: &ManaAuth, user: NewUser<'_>) -> Result<String, Refusal> {
    match sign_up_problem(user.email, user.password) {
        None => Ok(auth.sign_up(user).await?),
        Some(message) => {
            let body = json!({"error": "Sign-up failed", "message": message});
            Err(Refusal::Said(StatusCode::INTERNAL_SERVER_ERROR, body))
        }
    }
}

fn not_found() -> Refusal {
    Refusal::error(StatusCode::NOT_FOUND, "Not found")
}

fn shown(row: &Row) -> Result<Map<String, Document>, DatabaseError> {
    Ok(Map::from_iter([
        ("userId".to_owned(), row.text("user_id")?.into()),
        ("email".to_owned(), row.text("email")?.into()),
        ("name".to_owned(), row.text("name")?.into()),
        ("archetype".to_owned(), row.text("archetype")?.into()),
        ("tickCadence".to_owned(), row.text("tick_cadence")?.into()),
        ("lastActiveAt".to_owned(), row.maybe_moment("last_active_at")?.map(Moment::text).into()),
        ("createdAt".to_owned(), row.moment("created_at")?.text().into()),
    ]))
}

async fn recent_actions(auth: &ManaAuth, persona: &str) -> Result<Document, DatabaseError> {
    let sql =
        "SELECT id, persona_id, tick_id, tool_name, input_hash, result, error_message, latency_ms, created_at
               FROM auth.persona_actions WHERE persona_id = $1 ORDER BY created_at DESC LIMIT 20";
    let rows = auth.database().rows(sql, &[persona.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(json!({
                "id": row.text("id")?,
                "personaId": row.text("persona_id")?,
                "tickId": row.text("tick_id")?,
                "toolName": row.text("tool_name")?,
                "inputHash": row.maybe_text("input_hash")?,
                "result": row.text("result")?,
                "errorMessage": row.maybe_text("error_message")?,
                "latencyMs": row.maybe_integer("latency_ms")?,
                "createdAt": row.moment("created_at")?.text(),
            }))
        })
        .collect()
}

async fn feedback_by_module(auth: &ManaAuth, persona: &str) -> Result<Document, DatabaseError> {
    let sql = "SELECT module, count(*) AS rows_of_it FROM auth.persona_feedback WHERE persona_id = $1
               GROUP BY module ORDER BY module";
    let rows = auth.database().rows(sql, &[persona.into()]).await?;
    rows.iter()
        .map(|row| Ok(json!({"module": row.text("module")?, "avgRating": row.integer("rows_of_it")?})))
        .collect()
}
