//! Plugins, loaded and called, well-behaved and not.

mod built_in;
mod damaged;
mod inside;
mod misfit;
mod proof;
mod proof_kept;
mod refused;
mod relic;
mod waiting;

use std::sync::OnceLock;

use domain::action::{Action, ActionStatus, modules_used};
use domain::behavior::{OfferedTool, TurnContext, TurnOutcome};
use domain::ids::{GenerationNumber, PersonaId, PluginName, StrategyName};
use domain::persona::{Cadence, ModuleWeight, Persona};
use domain::strategy::Strategy;
use domain::tool::module_of;
use persona_host::behavior::{Engine, EngineOptions, Generation, Source, Trust};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::support::prover::PROVER;

/// The misbehaving plugin, which is built for these tests only.
const MISFIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misfit.wasm"));

/// One engine for all tests, as in the program.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&options()).expect("an engine"))
}

/// An engine whose builds are proven by the program itself, and which keeps nothing.
fn options() -> EngineOptions {
    EngineOptions { prover: Some(PROVER.into()), ..EngineOptions::default() }
}

/// A built-in plugin, loaded once for all tests, as in the program.
async fn built_in(name: &str) -> &'static Generation {
    static DAILY: OnceCell<Generation> = OnceCell::const_new();
    static BRIEF: OnceCell<Generation> = OnceCell::const_new();
    let cell = if name == "daily" { &DAILY } else { &BRIEF };
    let source = Source::built_in(&PluginName::new(name)).expect("it is built in");
    cell.get_or_init(|| load(source)).await
}

async fn load(source: Source) -> Generation {
    engine()
        .load(&source, GenerationNumber(1), &Trust::default())
        .await
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn source(name: &str, bytes: &[u8]) -> Source {
    Source::of(&PluginName::new(name), format!("{name}.wasm"), bytes)
}

fn strategy(plugin: &str, settings: Value) -> Strategy {
    Strategy { settings, ..Strategy::plain(StrategyName::new(plugin), PluginName::new(plugin)) }
}

fn anna() -> Persona {
    Persona {
        id: PersonaId::new("u-anna"),
        email: "persona.anna@mana.test".to_owned(),
        archetype: "adhd-student".to_owned(),
        system_prompt: "Du bist Anna, 23, studierst in Leipzig und verlierst leicht den Faden.".to_owned(),
        module_mix: [("todo", 3.0), ("habits", 4.0), ("journal", 2.0), ("notes", 1.0), ("spaces", 0.0)]
            .map(|(module, weight)| ModuleWeight { module: module.to_owned(), weight })
            .into(),
        cadence: Cadence::Daily,
        last_active_at: None,
    }
}

fn context() -> TurnContext {
    TurnContext {
        turn_id: "3726fa9c-9965-8b22-990b-35fff5be20ea".to_owned(),
        now_ms: 1_777_017_600_000,
        local_date: "2026-04-24".to_owned(),
        last_active_ms: None,
        seed: 42,
        tools: ["habits.create", "todo.complete", "todo.create"]
            .map(|name| OfferedTool {
                name: name.to_owned(),
                module: module_of(name).to_owned(),
                description: format!("Does {name}"),
            })
            .into(),
        memory: None,
    }
}

/// Two modules used, one call failed.
fn outcome() -> TurnOutcome {
    let calls = [
        ("todo.create", ActionStatus::Ok),
        ("notes.create", ActionStatus::Ok),
        ("todo.complete", ActionStatus::Error),
    ];
    let actions: Vec<Action> = (0..)
        .zip(calls)
        .map(|(index, (tool, status))| Action {
            index,
            tool: tool.to_owned(),
            module: module_of(tool).to_owned(),
            input: json!({"title": "Spazieren"}),
            status,
            error: (status == ActionStatus::Error).then(|| "no such task".to_owned()),
            latency_ms: Some(12),
        })
        .collect();
    TurnOutcome {
        modules_used: modules_used(&actions),
        actions,
        final_text: Some("Heute habe ich einen Spaziergang geplant.\nDas tat gut.".to_owned()),
        stop_reason: "end_turn".to_owned(),
    }
}
