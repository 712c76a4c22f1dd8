//! `/health` and `/metrics`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::face::Face;
use crate::mana::SignInsStopped;
use crate::model::LeftAlone;
use crate::runner::Obstacle;

/// How long the ledger is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the process is up, in the shape of contract 7.2. Missing keys, broken plugins and
/// a full disk do not make it go away: they are named.
pub(super) async fn health(State(face): State<Face>) -> Json<Value> {
    let options = face.runner.options();
    let mut health = json!({
        "status": "ok",
        "service": "mana-persona-runner",
        "paused": face.runner.is_paused(),
        "tickIntervalMs": u64::try_from(options.tick_interval.as_millis()).unwrap_or(u64::MAX),
        "concurrency": options.concurrency,
    });
    for obstacle in face.runner.obstacles(&face.missing_keys) {
        tell(&mut health, obstacle);
    }
    Json(health)
}

/// Names what is in the way. What somebody wants so is no degradation, and neither are keys that were never set.
fn tell(health: &mut Value, obstacle: Obstacle) {
    let degraded = matches!(
        obstacle,
        Obstacle::Ledger(_)
            | Obstacle::Tick { .. }
            | Obstacle::SignIns(_)
            | Obstacle::Upstream { .. }
            | Obstacle::Model(_)
    );
    if degraded {
        health["status"] = "degraded".into();
    }
    match obstacle {
        Obstacle::Keys(missing) => health["loopOff"] = json!({ "missing": missing }),
        // Nothing is begun while nothing can be written down; it goes on by itself.
        Obstacle::Ledger(trouble) => health["ledger"] = trouble.into(),
        // Nobody said who is due, or nothing could be written down: no turn was begun.
        Obstacle::Tick { failed_at, why } => {
            health["lastTick"] = json!({ "failedAt": failed_at, "why": why })
        }
        Obstacle::SignIns(stopped) => {
            health["signIns"] = format!("{stopped}. {}", SignInsStopped::HINT).into();
        }
        Obstacle::Upstream { upstream, state, until, why } => {
            let mut told = json!({ "state": state, "why": why });
            if let Some(until) = until {
                told["until"] = json!(until);
            }
            health["upstreams"][upstream.name()] = told;
        }
        // Who has no room waits for the next day, as the configuration wants it.
        Obstacle::Budget(key) => match health["budget"]["full"].as_array_mut() {
            Some(full) => full.push(key.into()),
            None => health["budget"] = json!({ "full": [key] }),
        },
        // Claude does its work, and turns that would ask these are not begun.
        Obstacle::Model(LeftAlone { name, state, until, why }) => {
            health["models"][name] = json!({ "state": state, "until": until, "why": why });
        }
        Obstacle::Pause(pause) => {
            health["pause"] =
                json!({ "since": pause.since(), "why": pause.to_string(), "hint": pause.hint() });
        }
        // Who they are is nobody's business here.
        Obstacle::PausedAlone(count) => {
            health["pausedPersonas"] = json!({ "count": count, "hint": obstacle.hint() });
        }
        Obstacle::NoPlugin(_) | Obstacle::Plugin { .. } => {
            let told = json!(obstacle);
            match health["plugins"].as_array_mut() {
                Some(plugins) => plugins.push(told),
                None => health["plugins"] = json!([told]),
            }
        }
    }
}

/// What Prometheus reads, in the form that it asks for.
pub(super) async fn metrics(State(face): State<Face>, headers: HeaderMap) -> impl IntoResponse {
    let deps = face.runner.deps();
    // One that cannot be read, or does not answer, keeps nobody from the other figures.
    if let Ok(Ok(bytes)) = tokio::time::timeout(PATIENCE, deps.ledger.size()).await {
        deps.events.metrics().set_ledger(bytes);
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
