//! `/health` and `/metrics`.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::face::Face;
use crate::breaker::Standing;
use crate::mana::SignInsStopped;
use crate::model::LeftAlone;
use crate::runner::LastTick;

/// How long the ledger is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the process is up, in the shape of contract 7.2. Missing keys, broken plugins and
/// a full disk do not make it go away: they are named.
pub(super) async fn health(State(face): State<Face>) -> Json<Value> {
    let mut health = json!({
        "status": "ok",
        "service": "mana-persona-runner",
        "paused": face.runner.is_paused(),
        "tickIntervalMs": u64::try_from(face.runner.tick_interval().as_millis()).unwrap_or(u64::MAX),
        "concurrency": face.runner.concurrency(),
    });
    if !face.missing_keys.is_empty() {
        health["loopOff"] = json!({ "missing": face.missing_keys });
    }
    // Nothing is begun while nothing can be written down; it goes on by itself.
    if let Some(trouble) = face.runner.deps().ledger.trouble() {
        health["status"] = "degraded".into();
        health["ledger"] = trouble.into();
    }
    // Nobody said who is due, or nothing could be written down: no turn was begun.
    if let Some(LastTick { outcome: Err(why), ended_at }) = face.runner.last_tick() {
        health["status"] = "degraded".into();
        health["lastTick"] = json!({ "failedAt": ended_at, "why": why });
    }
    if let Some(stopped) = face.runner.deps().mana.sign_ins_stopped() {
        health["status"] = "degraded".into();
        health["signIns"] = format!("{stopped}. {}", SignInsStopped::HINT).into();
    }
    for (upstream, standing) in face.runner.deps().fuses.standings() {
        let mut told = json!({ "state": standing.name() });
        match standing {
            Standing::Closed => continue,
            Standing::Open { until, why } => {
                told["until"] = json!(until);
                told["why"] = why.into();
            }
            Standing::HalfOpen { why, .. } => told["why"] = why.into(),
        }
        health["status"] = "degraded".into();
        health["upstreams"][upstream.name()] = told;
    }
    // Who has no room waits for the next day, as the configuration wants it.
    let full = face.runner.deps().budget.of_today().into_iter().filter(|part| part.is_full);
    let full: BTreeSet<String> = full.map(|part| part.account.key()).collect();
    if !full.is_empty() {
        health["budget"] = json!({ "full": full });
    }
    // Claude does its work, and turns that would ask these are not begun.
    for LeftAlone { name, state, until, why } in face.runner.deps().claude.left_alone() {
        health["status"] = "degraded".into();
        health["models"][name] = json!({ "state": state, "until": until, "why": why });
    }
    if let Some(pause) = face.runner.pause_of_all() {
        health["pause"] = json!({ "since": pause.since(), "why": pause.to_string(), "hint": pause.hint() });
    }
    Json(health)
}

/// What Prometheus reads, in the form that it asks for.
pub(super) async fn metrics(State(face): State<Face>, headers: HeaderMap) -> impl IntoResponse {
    let deps = face.runner.deps();
    // One that cannot be read, or does not answer, keeps nobody from the other figures.
    if let Ok(Ok(bytes)) = tokio::time::timeout(PATIENCE, deps.ledger.size()).await {
        deps.events.metrics().set_ledger(bytes);
    }
    if let Some(volume) = deps.ledger.volume().await {
        deps.events.metrics().set_volume(volume.size, volume.free);
    }
    if let Ok(Ok(open)) = tokio::time::timeout(PATIENCE, deps.ledger.open_turns()).await {
        let states: Vec<_> = open.iter().map(|turn| turn.state).collect();
        deps.events.metrics().set_open_turns(&states);
    }
    deps.budget.of_today().iter().for_each(|part| deps.events.metrics().set_budget(part));
    deps.events.metrics().set_generations(deps.registry.engine().generations());
    for (upstream, standing) in deps.fuses.standings() {
        deps.events.metrics().set_upstream(upstream, standing.name());
    }
    for figures in deps.claude.gate().figures() {
        deps.events.metrics().set_gate(&figures.family, figures.window, figures.in_flight);
    }
    let wants = headers.get_all(ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    let metrics = deps.events.metrics();
    let (kind, text) =
        match wants.into_iter().any(|accepted| accepted.contains("application/openmetrics-text")) {
            true => ("application/openmetrics-text; version=1.0.0; charset=utf-8", metrics.text()),
            false => ("text/plain; version=0.0.4; charset=utf-8", metrics.classic_text()),
        };
    ([(CONTENT_TYPE, kind)], text)
}
