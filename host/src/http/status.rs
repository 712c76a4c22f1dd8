//! `GET /api/status`: all that one screen tells, whoever shows it.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::ApiError;
use super::face::Face;
use crate::behavior::PluginRecord;
use crate::runner::{HeldPersona, LastTick, Obstacle, Pause, PauseTold, Sums, TickFigures, Told};
use crate::telemetry::UnderWay;
use domain::ids::{GenerationNumber, PluginName, StrategyName};

/// How persona-host stands.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// The clock of the daemon.
    now: DateTime<Utc>,
    /// Always so: whoever answers runs.
    running: bool,
    /// `on`, or `off` while keys are missing.
    #[serde(rename = "loop")]
    is_on: &'static str,
    /// The pause of everybody.
    pause: Option<PauseTold>,
    /// When the next tick begins.
    next_tick: Option<DateTime<Utc>>,
    /// The last one.
    last_tick: Option<Ticked>,
    /// Turns that are played now, the oldest first.
    under_way: Vec<Playing>,
    /// What is in the way, what blocks first.
    in_the_way: Vec<InTheWay>,
    /// Whom the last tick kept back for what no ledger knows, and who does not play since.
    kept_back: Vec<HeldPersona>,
    /// Who is paused by address.
    paused_personas: Vec<String>,
    /// How plugins stand.
    plugins: Vec<Plugin>,
    /// What ledger and budget add up to.
    #[serde(flatten)]
    sums: Sums,
}

/// A tick that is over.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Ticked {
    /// When.
    ended_at: DateTime<Utc>,
    /// What came of it.
    #[serde(flatten)]
    outcome: Outcome,
}

/// What came of a tick.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Outcome {
    /// Turns.
    Played {
        /// How many were due.
        due: usize,
        /// How many turns completed.
        completed: usize,
        /// How many failed.
        failed: usize,
        /// How many were kept back.
        held: usize,
        /// How long it took.
        seconds: f64,
    },
    /// None, because it failed.
    Failed {
        /// Why.
        why: String,
    },
}

/// A turn that is played now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Playing {
    /// Its id.
    turn: String,
    /// The persona's address.
    persona: String,
    /// From 1.
    attempt: u32,
    /// The stage that it is in.
    stage: &'static str,
    /// Model calls that were answered in this attempt.
    model_calls: u32,
    /// Tool calls that were answered in this attempt.
    tool_calls: u32,
    /// How long it runs.
    seconds: f64,
}

/// Something in the way.
#[derive(Debug, Serialize, JsonSchema)]
struct InTheWay {
    /// What.
    #[serde(flatten)]
    told: Told,
    /// Whether turns cannot be begun and kept for it.
    blocks: bool,
}

/// How a plugin stands.
#[derive(Debug, Serialize, JsonSchema)]
struct Plugin {
    /// Its name.
    name: PluginName,
    /// The strategies that use it.
    strategies: Vec<StrategyName>,
    /// The generation that new turns get.
    serving: Option<GenerationNumber>,
    /// Whether what lies in the folder was refused.
    refused: bool,
    /// Whether it broke down too often.
    quarantined: bool,
}

/// How persona-host stands now.
pub(super) async fn status(State(face): State<Face>) -> Result<Json<Status>, ApiError> {
    let (runner, deps) = (&face.runner, face.runner.deps());
    let sums = Sums::of(&deps.ledger, &deps.budget, &deps.clock, deps.settings.time_zone).await?;
    let obstacles = runner.obstacles(&face.missing_keys);
    Ok(Json(Status {
        now: deps.clock.now(),
        running: true,
        is_on: if face.missing_keys.is_empty() { "on" } else { "off" },
        pause: runner.pause_of_all().as_ref().map(Pause::told),
        next_tick: runner.next_tick(),
        last_tick: runner.last_tick().map(Ticked::of),
        under_way: deps.events.in_flight().into_iter().map(Playing::of).collect(),
        in_the_way: obstacles.iter().map(InTheWay::of).collect(),
        kept_back: runner.kept_back(),
        paused_personas: runner.pauses().personas.into_keys().collect(),
        plugins: runner.plugins().into_iter().map(Plugin::of).collect(),
        sums,
    }))
}

impl Ticked {
    fn of(LastTick { ended_at, outcome }: LastTick) -> Self {
        let outcome = match outcome {
            Ok(TickFigures { due, completed, failed, held, took, .. }) => {
                Outcome::Played { due, completed, failed, held, seconds: took.as_secs_f64() }
            }
            Err(why) => Outcome::Failed { why },
        };
        Self { ended_at, outcome }
    }
}

impl Playing {
    fn of(own: UnderWay) -> Self {
        Self {
            turn: own.turn.to_string(),
            attempt: own.attempt,
            stage: own.stage.name(),
            model_calls: own.model_calls,
            tool_calls: own.tool_calls,
            seconds: own.age().as_secs_f64(),
            persona: own.email,
        }
    }
}

impl InTheWay {
    fn of(own: &Obstacle) -> Self {
        Self { told: own.told(), blocks: own.is_blocking() }
    }
}

impl Plugin {
    fn of(own: PluginRecord) -> Self {
        Self {
            name: own.name,
            strategies: own.strategies,
            serving: own.serving,
            refused: own.refused,
            quarantined: own.quarantine.is_some(),
        }
    }
}
