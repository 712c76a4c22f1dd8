//! The ledger: who may begin, what an end means, and what survives a process that dies.

mod begun;
mod broken;
mod events;
mod experiments;
mod file;
mod foreign;
mod going_on;
mod hints;

mod interrupted;
mod journal;
mod kept;
mod line;
mod listed;
mod lost;
mod moved;
mod opened;
mod outbox;
mod pins;
mod played;
mod pruned;
mod roster;
mod shelf;
mod slots;
mod spoilt;

use domain::action::{Action, ActionStatus};
use domain::behavior::TurnOutcome;
use domain::call::CallIntent;
use domain::code::Code;
use domain::fault::{Fault, Stage};
use domain::ids::{GenerationNumber, PersonaId, PluginName, Sha256Hex, StrategyName, TurnId};
use domain::persona::{Cadence, Persona};
use domain::plugin::ServedAs;
use domain::step::StepKey;
use domain::transcript::{Phase, Round, ToolAnswer};
use domain::turn_end::TurnEnd;
use domain::usage::{NanoUsd, Usage};
use persona_host::store::{Begin, Begun, Ledger, LedgerError, Occasion, Pin, StepRow};
use serde_json::{Value, json};

use self::shelf::{Home, Refusal, Shelf};

/// Runs each check in both homes, as tests `sqlite::…` and `postgres::…`.
macro_rules! on_both_databases {
    ($($check:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $check() {
                super::$check(crate::store::shelf::Home::File).await;
            })*
        }
        mod postgres {
            $(#[tokio::test] async fn $check() {
                if !peers::postgres::is_left_out() {
                    super::$check(crate::store::shelf::Home::Server).await;
                }
            })*
        }
    };
}
use on_both_databases;

fn persona(name: &str) -> Persona {
    Persona {
        id: PersonaId::new(name),
        email: format!("persona.{name}@mana.test"),
        archetype: "solo-dev".to_owned(),
        system_prompt: "Du bist jemand.".to_owned(),
        module_mix: Vec::new(),
        cadence: Cadence::Daily,
        last_active_at: None,
    }
}

/// The turn of its first occasion.
fn turn_id(persona: &Persona) -> TurnId {
    TurnId::of(&persona.id, &persona.slot())
}

async fn begin(ledger: &Ledger, persona: &Persona) -> Begun {
    try_begin(ledger, persona).await.unwrap()
}

async fn try_begin(ledger: &Ledger, persona: &Persona) -> Result<Begun, LedgerError> {
    ledger.begin(Begin { turn: turn_id(persona), persona, slot: &persona.slot() }).await
}

/// How a persona's due entry stands.
async fn occasion(ledger: &Ledger, persona: &Persona) -> Occasion {
    let known = ledger.acknowledged().await.unwrap();
    ledger.occasion(persona, known).await.unwrap()
}

/// Served by the build `build` of the strategy's own plugin.
fn pin(strategy: &str) -> Pin {
    Pin {
        strategy: StrategyName::new(strategy),
        settings: json!({ "tone": "warm" }),
        settings_hash: Sha256Hex::of(b"settings"),
        plugin: PluginName::new(strategy),
        plugin_version: "1.2.3".to_owned(),
        generation: GenerationNumber(7),
        plugin_sha256: Sha256Hex::of(b"build"),
        served_as: ServedAs::Live,
        model: "claude-somebody".to_owned(),
    }
}

fn fault() -> TurnEnd {
    TurnEnd::Faulted(Fault::new(Stage::SignIn, Code::LoginRefused, "no").hint("ask"))
}

fn outcome() -> TurnOutcome {
    let action = Action {
        index: 0,
        tool: "todo.create".to_owned(),
        module: "todo".to_owned(),
        input: json!({"title": "b", "a": 1}),
        status: ActionStatus::Ok,
        error: None,
        latency_ms: Some(7),
    };
    TurnOutcome {
        actions: vec![action],
        modules_used: vec!["todo".to_owned()],
        final_text: Some("Gut.".to_owned()),
        stop_reason: "end_turn".to_owned(),
    }
}

async fn keep(ledger: &Ledger, persona: &Persona) -> Result<(), LedgerError> {
    ledger.keep_actions(turn_id(persona), &outcome()).await.map(|_| ())
}

async fn answer(ledger: &Ledger, turn: TurnId, number: u32, cost: Option<u64>) {
    answer_of(ledger, (turn, 1), &StepKey::model(Phase::Main, number), cost).await;
}

async fn answer_of(ledger: &Ledger, (turn, attempt): (TurnId, u32), key: &StepKey, cost: Option<u64>) {
    let step = ledger.begin_step(turn, attempt, key, "{}").await.unwrap();
    let round = Round {
        text: "Gut.".to_owned(),
        tool_calls: Vec::new(),
        stop_reason: "end_turn".to_owned(),
        model: "claude-somebody".to_owned(),
        usage: Usage { input: 10, output: 5, ..Usage::default() },
        cost: cost.map(NanoUsd),
        latency_ms: 3,
    };
    let mut answered = serde_json::to_value(&round).unwrap();
    answered["price_table"] = json!("2026-11-22");
    ledger.keep_step(step, &answered.to_string());
    ledger.catch_up().await.unwrap();
}

/// Begins a tool call.
async fn intend(ledger: &Ledger, (turn, attempt): (TurnId, u32), place: usize, call: &CallIntent) -> StepRow {
    let intent = serde_json::to_string(call).unwrap();
    ledger.begin_step(turn, attempt, &StepKey::tool(1, place), &intent).await.unwrap()
}

fn said(text: &str, is_error: bool) -> String {
    serde_json::to_string(&ToolAnswer { text: text.to_owned(), is_error }).unwrap()
}

fn call(tool: &str, input: Value) -> CallIntent {
    let module = tool.split('.').next().unwrap().to_owned();
    CallIntent { id: "toolu_1".to_owned(), tool: tool.to_owned(), module, input }
}
