//! `/health` and `/metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::face::Face;
use crate::mana::SignInsStopped;
use crate::model::LeftAlone;
use crate::runner::{Obstacle, PauseTold, Told};

/// How long the ledger is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the process is, in the shape of contract 7.2 and what it has not: each of that is left out while all is well.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// `ok`, or `degraded` while something keeps turns from being begun or kept, or a model is left alone. Keys that were
    /// never set leave it `ok`, though `/health/ready` names them, as in the original.
    status: &'static str,
    /// Always the name of the original.
    service: &'static str,
    /// Whether everybody is paused.
    paused: bool,
    /// How long it is from tick to tick, in milliseconds.
    tick_interval_ms: u64,
    /// How many turns run at once.
    concurrency: usize,
    /// The loop is off, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    loop_off: Option<LoopOff>,
    /// What is wrong with the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<String>,
    /// The last tick, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_tick: Option<FailedTick>,
    /// Everybody who was due at the last tick failed, or is held for a fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    turns: Option<Told>,
    /// Sign-ins are stopped, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_ins: Option<String>,
    /// Neighbours that are left alone, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    upstreams: BTreeMap<&'static str, LeftOut>,
    /// Limits of today that have no room for another call.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Full>,
    /// Models of Claude that are left alone, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    models: BTreeMap<String, LeftOut>,
    /// The pause of everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pause: Option<PauseTold>,
    /// Pauses of single personas.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_personas: Option<PausedAlone>,
    /// Plugins that nothing serves for, or that another build serves for than the one in the folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    plugins: Vec<Told>,
}

/// Why the loop is off.
#[derive(Debug, Serialize, JsonSchema)]
struct LoopOff {
    /// The variables that are not set.
    missing: Vec<&'static str>,
}

/// A tick that failed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FailedTick {
    /// When.
    failed_at: DateTime<Utc>,
    /// Why.
    why: String,
}

/// What is not asked for a while.
#[derive(Debug, Serialize, JsonSchema)]
struct LeftOut {
    /// `open` while it is not asked, `half-open` while one call tries it; of a model `cooling-down`, `refused` or `tried`.
    state: &'static str,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
    /// Why.
    why: String,
}

/// How many are paused by address.
#[derive(Debug, Serialize, JsonSchema)]
struct PausedAlone {
    /// So many.
    count: usize,
    /// What tells who, and what ends it.
    hint: Option<&'static str>,
}

/// What is spent.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Full {
    /// The keys of the limits.
    full: BTreeSet<String>,
}

/// Whether the process is up, in the shape of contract 7.2. Missing keys, broken plugins and
/// a full disk do not make it go away: they are named.
pub(super) async fn health(State(face): State<Face>) -> Json<Health> {
    let runner = &face.runner;
    let mut health = Health {
        status: "ok",
        service: "mana-persona-runner",
        paused: runner.is_paused(),
        tick_interval_ms: u64::try_from(runner.tick_interval().as_millis()).unwrap_or(u64::MAX),
        concurrency: runner.concurrency(),
        ..Health::default()
    };
    for obstacle in runner.obstacles(&face.missing_keys) {
        health.name(obstacle);
    }
    Json(health)
}

impl Health {
    /// Names what is in the way.
    fn name(&mut self, obstacle: Obstacle) {
        if obstacle.degrades() {
            self.status = "degraded";
        }
        let hint = obstacle.hint();
        match obstacle {
            Obstacle::Keys(missing) => self.loop_off = Some(LoopOff { missing }),
            // Nothing is begun while nothing can be written down; it goes on by itself.
            Obstacle::Ledger(trouble) => self.ledger = Some(trouble),
            // Nobody said who is due, or nothing could be written down: no turn was begun.
            Obstacle::Tick { failed_at, why } => self.last_tick = Some(FailedTick { failed_at, why }),
            Obstacle::SignIns(stopped) => {
                self.sign_ins = Some(format!("{stopped}. {}", SignInsStopped::HINT));
            }
            Obstacle::Upstream { upstream, state, until, why } => {
                self.upstreams.insert(upstream.name(), LeftOut { state, until, why });
            }
            // Who has no room waits for the next day, as the configuration wants it.
            Obstacle::Budget(key) => {
                self.budget.get_or_insert_default().full.insert(key);
            }
            // Claude does its work, and turns that would ask these are not begun.
            Obstacle::Model(LeftAlone { name, state, until, why }) => {
                self.models.insert(name, LeftOut { state, until, why });
            }
            Obstacle::Pause(pause) => self.pause = Some(pause.told()),
            // Who they are is nobody's business here.
            Obstacle::PausedAlone(count) => self.paused_personas = Some(PausedAlone { count, hint }),
            Obstacle::Faults { .. } => self.turns = Some(obstacle.told()),
            Obstacle::NoPlugin(_) | Obstacle::Plugin { .. } => self.plugins.push(obstacle.told()),
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
    if let Some(room) = deps.ledger.room().await {
        deps.events.metrics().set_volume(room.all, room.free);
    }
    if let Ok(Ok(open)) = tokio::time::timeout(PATIENCE, deps.ledger.open_turns()).await {
        let states: Vec<_> = open.iter().map(|turn| turn.state).collect();
        deps.events.metrics().set_open_turns(&states);
    }
    deps.events.metrics().set_budget(&deps.budget.of_today());
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
