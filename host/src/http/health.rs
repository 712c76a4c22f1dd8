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
use crate::breaker::Standing;
use crate::mana::SignInsStopped;
use crate::model::LeftAlone;
use crate::runner::LastTick;

/// How long the ledger is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the process is, in the shape of contract 7.2 and what it has not: each of that is left out while all is well.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    /// `ok`, or `degraded` while something keeps turns from being begun or kept.
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
    pause: Option<PauseOfAll>,
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

/// What is spent.
#[derive(Debug, Serialize, JsonSchema)]
struct Full {
    /// The keys of the limits.
    full: BTreeSet<String>,
}

/// A pause of everybody.
#[derive(Debug, Serialize, JsonSchema)]
struct PauseOfAll {
    /// Since when; null if the configuration says so.
    since: Option<DateTime<Utc>>,
    /// In words.
    why: String,
    /// What ends it.
    hint: &'static str,
}

/// Whether the process is up, in the shape of contract 7.2. Missing keys, broken plugins and
/// a full disk do not make it go away: they are named.
pub(super) async fn health(State(face): State<Face>) -> Json<Health> {
    let (runner, deps) = (&face.runner, face.runner.deps());
    let options = runner.options();
    // Nothing is begun while nothing can be written down; it goes on by itself.
    let ledger = deps.ledger.trouble();
    // Nobody said who is due, or nothing could be written down: no turn was begun.
    let last_tick = match runner.last_tick() {
        Some(LastTick { outcome: Err(why), ended_at }) => Some(FailedTick { failed_at: ended_at, why }),
        _ => None,
    };
    let sign_ins = deps.mana.sign_ins_stopped().map(|stopped| format!("{stopped}. {}", SignInsStopped::HINT));
    let upstreams = left_out_upstreams(&face);
    // Claude does its work, and turns that would ask these are not begun.
    let models: BTreeMap<String, LeftOut> = (deps.claude.left_alone().into_iter())
        .map(|LeftAlone { name, state, until, why }| (name, LeftOut { state, until, why }))
        .collect();
    let is_degraded = ledger.is_some()
        || last_tick.is_some()
        || sign_ins.is_some()
        || !upstreams.is_empty()
        || !models.is_empty();
    // Who has no room waits for the next day, as the configuration wants it.
    let full = deps.budget.of_today().into_iter().filter(|part| part.is_full);
    let full: BTreeSet<String> = full.map(|part| part.account.key()).collect();
    let missing = &face.missing_keys;
    Json(Health {
        status: if is_degraded { "degraded" } else { "ok" },
        service: "mana-persona-runner",
        paused: runner.is_paused(),
        tick_interval_ms: u64::try_from(options.tick_interval.as_millis()).unwrap_or(u64::MAX),
        concurrency: options.concurrency,
        loop_off: (!missing.is_empty()).then(|| LoopOff { missing: missing.clone() }),
        ledger,
        last_tick,
        sign_ins,
        upstreams,
        budget: (!full.is_empty()).then_some(Full { full }),
        models,
        pause: runner.pause_of_all().map(|pause| PauseOfAll {
            since: pause.since(),
            why: pause.to_string(),
            hint: pause.hint(),
        }),
    })
}

fn left_out_upstreams(face: &Face) -> BTreeMap<&'static str, LeftOut> {
    let standings = face.runner.deps().fuses.standings();
    let left_out = standings.filter_map(|(upstream, standing)| {
        let state = standing.name();
        let (until, why) = match standing {
            Standing::Closed => return None,
            Standing::Open { until, why } => (Some(until), why),
            Standing::HalfOpen { why, .. } => (None, why),
        };
        Some((upstream.name(), LeftOut { state, until, why }))
    });
    left_out.collect()
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
