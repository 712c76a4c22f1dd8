//! `/health/live` and `/health/ready`: whether the process answers, and whether it can do its work, with reasons.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::face::Face;
use super::plugins::records;
use crate::breaker::Standing;
use crate::runner::LastTick;

/// The process answers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Alive {
    /// Always `ok`.
    status: &'static str,
}

/// Whether turns can be begun and kept.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Readiness {
    /// Whether nothing is in the way.
    ready: bool,
    /// What is in the way.
    reasons: Vec<Told>,
    /// What an operator wants so, and what goes on without it.
    notes: Vec<Told>,
}

/// A reason or a note.
#[derive(Debug, Serialize, JsonSchema)]
struct Told {
    /// Of what: `keys`, `ledger`, `signIns`, an upstream, `tick`, `plugins`, `pause`, `budget`, `models`.
    what: String,
    /// In words.
    why: String,
}

/// The process answers.
pub(super) async fn live() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Whether turns can be begun and kept: 200, or 503 with what is in the way. What an operator wants so, such as a pause or a
/// budget that is spent, is noted and no reason.
pub(super) async fn ready(State(face): State<Face>) -> (StatusCode, Json<Readiness>) {
    let (reasons, notes) = (reasons(&face), notes(&face));
    let is_ready = reasons.is_empty();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: is_ready, reasons, notes }))
}

fn told(what: &str, why: impl Into<String>) -> Told {
    Told { what: what.to_owned(), why: why.into() }
}

fn reasons(face: &Face) -> Vec<Told> {
    let deps = face.runner.deps();
    let mut reasons = Vec::new();
    if !face.missing_keys.is_empty() {
        reasons.push(told("keys", format!("the loop is off without {}", face.missing_keys.join(", "))));
    }
    reasons.extend(deps.ledger.trouble().map(|trouble| told("ledger", trouble)));
    reasons.extend(deps.mana.sign_ins_stopped().map(|stopped| told("signIns", stopped.to_string())));
    for (upstream, standing) in deps.fuses.standings() {
        if let Standing::Open { why, .. } | Standing::HalfOpen { why, .. } = standing {
            reasons.push(told(upstream.name(), why));
        }
    }
    if let Some(LastTick { outcome: Err(why), .. }) = face.runner.last_tick() {
        reasons.push(told("tick", why));
    }
    let without =
        records(face).into_iter().filter(|plugin| plugin.serving.is_none() && !plugin.strategies.is_empty());
    reasons.extend(
        without.map(|plugin| told("plugins", format!("nothing serves for the plugin {}", plugin.name))),
    );
    reasons
}

fn notes(face: &Face) -> Vec<Told> {
    let deps = face.runner.deps();
    let mut notes = Vec::new();
    notes.extend(face.runner.pause_of_all().map(|pause| told("pause", pause.to_string())));
    // Once for each limit, however many personas have spent theirs; who they are is nobody's business here.
    let full = deps.budget.of_today().into_iter().filter(|part| part.is_full);
    let full: BTreeSet<String> = full.map(|part| part.account.key()).collect();
    notes.extend(full.iter().map(|key| told("budget", format!("{key} has no room for another call"))));
    for alone in deps.claude.left_alone() {
        notes.push(told("models", alone.to_string()));
    }
    for plugin in records(face).into_iter().filter(|plugin| plugin.refused || plugin.quarantine.is_some()) {
        let how = if plugin.refused { "what lies in the folder was refused" } else { "it is in quarantine" };
        notes.push(told("plugins", format!("{}: {how}", plugin.name)));
    }
    notes
}
