//! What one plugin call costs, instantiation included: goal, a median of at most 100 µs.

use criterion::{Criterion, criterion_group, criterion_main};
use domain::action::{Action, ActionStatus, modules_used};
use domain::behavior::{OfferedTool, TurnContext, TurnOutcome};
use domain::ids::{GenerationNumber, PersonaId, PluginName, StrategyName};
use domain::persona::{Cadence, ModuleWeight, Persona};
use domain::strategy::Strategy;
use domain::tool::module_of;
use persona_host::behavior::{Engine, EngineOptions, Source, Trust};
use serde_json::json;

const TOOLS: [&str; 11] = [
    "habits.archive",
    "habits.create",
    "habits.list",
    "habits.update",
    "journal.add",
    "notes.create",
    "notes.search",
    "spaces.list",
    "todo.complete",
    "todo.create",
    "todo.list",
];

const REPLY: &str = "```json\n{\"ratings\":[\
    {\"module\":\"todo\",\"rating\":4,\"notes\":\"Schnell angelegt, aber das Datum war umständlich.\"},\
    {\"module\":\"notes\",\"rating\":5,\"notes\":\"Genau da, wo ich sie brauche.\"}]}\n```";

fn plugin_call(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let plugin = PluginName::new("daily");
    let engine = Engine::new(&EngineOptions {
        prover: Some(env!("CARGO_BIN_EXE_persona-host").into()),
        ..EngineOptions::default()
    })
    .expect("an engine");
    let source = Source::built_in(&plugin).expect("it is built in");
    let daily =
        runtime.block_on(engine.load(&source, GenerationNumber(1), &Trust::default())).expect("it loads");
    let plain = Strategy::plain(StrategyName::new("daily"), plugin);
    let strategy = Strategy { settings: json!({"language": "de"}), ..plain };
    let (who, ctx, outcome) = (persona(), context(), outcome());

    let mut group = criterion.benchmark_group("plugin call");
    group.bench_function("compose", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || daily.compose_turn(&strategy, &who, &ctx).await.result.expect("it composes"));
    });
    group.bench_function("parse", |bencher| {
        bencher.to_async(&runtime).iter(async || {
            daily.parse_rating(&strategy, &who, &ctx, &outcome, REPLY).await.result.expect("it reads")
        });
    });
    group.finish();
}

fn persona() -> Persona {
    Persona {
        id: PersonaId::new("u-anna"),
        email: "persona.anna@mana.test".to_owned(),
        archetype: "adhd-student".to_owned(),
        system_prompt: "Du bist Anna, 23, studierst in Leipzig und verlierst leicht den Faden.".to_owned(),
        module_mix: [("todo", 0.3), ("habits", 0.4), ("journal", 0.2), ("notes", 0.1)]
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
        tools: TOOLS
            .map(|name| OfferedTool {
                name: name.to_owned(),
                module: module_of(name).to_owned(),
                description: format!("What {name} does, in a sentence of the usual length."),
            })
            .into(),
        memory: Some(json!({"date": "2026-04-23", "ratings": [{"module": "todo", "score": 4}]})),
    }
}

fn outcome() -> TurnOutcome {
    let tools = ["todo.list", "todo.create", "todo.complete", "notes.create"];
    let actions: Vec<Action> = (0..)
        .zip(tools)
        .map(|(index, tool)| Action {
            index,
            tool: tool.to_owned(),
            module: module_of(tool).to_owned(),
            input: json!({"title": "Spazieren", "priority": "medium"}),
            status: ActionStatus::Ok,
            error: None,
            latency_ms: Some(12),
        })
        .collect();
    TurnOutcome {
        modules_used: modules_used(&actions),
        actions,
        final_text: Some("Heute habe ich einen Spaziergang geplant und etwas notiert.".to_owned()),
        stop_reason: "end_turn".to_owned(),
    }
}

criterion_group!(benches, plugin_call);
criterion_main!(benches);
