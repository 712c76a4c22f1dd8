//! `GET /api/status`: all that one screen tells, whoever shows it.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::error::ApiError;
use super::face::Face;
use crate::runner::{LastTick, Sums, TickFigures};
use crate::telemetry::UnderWay;

pub(super) async fn status(State(face): State<Face>) -> Result<Json<Value>, ApiError> {
    let (runner, deps) = (&face.runner, face.runner.deps());
    let sums = Sums::of(&deps.ledger, &deps.budget, &deps.clock, deps.settings.time_zone).await?;
    let pause = runner.pause_of_all();
    let in_the_way = runner.obstacles(&face.missing_keys).into_iter().map(|own| {
        let mut told = json!(own);
        told["blocks"] = own.is_blocking().into();
        told
    });
    let mut status = json!({
        "now": deps.clock.now(),
        "running": true,
        "loop": if face.missing_keys.is_empty() { "on" } else { "off" },
        "pause": pause.as_ref().map(|pause| json!({ "since": pause.since(), "why": pause.to_string(), "hint": pause.hint() })),
        "nextTick": runner.next_tick(),
        "lastTick": runner.last_tick().as_ref().map(last_tick),
        "underWay": deps.events.in_flight().iter().map(under_way).collect::<Vec<Value>>(),
        "inTheWay": in_the_way.collect::<Vec<Value>>(),
        "keptBack": runner.kept_back(),
        "pausedPersonas": runner.pauses().personas.into_keys().collect::<Vec<String>>(),
        "plugins": runner.plugins().iter().map(|own| json!({
            "name": own.name,
            "strategies": own.strategies,
            "serving": own.serving,
            "refused": own.refused,
            "quarantined": own.quarantine.is_some(),
        })).collect::<Vec<Value>>(),
    });
    if let (Some(status), Value::Object(sums)) = (status.as_object_mut(), json!(sums)) {
        status.extend(sums);
    }
    Ok(Json(status))
}

fn last_tick(LastTick { ended_at, outcome }: &LastTick) -> Value {
    match outcome {
        Ok(TickFigures { due, completed, failed, held, took }) => json!({
            "endedAt": ended_at, "due": due, "completed": completed, "failed": failed, "held": held,
            "seconds": took.as_secs_f64(),
        }),
        Err(why) => json!({ "endedAt": ended_at, "why": why }),
    }
}

fn under_way(own: &UnderWay) -> Value {
    json!({
        "turn": own.turn.to_string(), "persona": own.email, "attempt": own.attempt, "stage": own.stage.name(),
        "modelCalls": own.model_calls, "toolCalls": own.tool_calls, "seconds": own.age().as_secs_f64(),
    })
}
