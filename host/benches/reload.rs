//! What plugins cost while the daemon runs: from a saved file to the generation that serves, a call in each
//! language, the memory of a generation, and the loop while a large component is compiled. Goals on two
//! cores: save → live at a median of at most 250 ms for a Rust plugin, debounce included, a second start with ten
//! plugins in a second, and no tick that is more than 50 ms late.
//!
//! No Criterion: each save is another build, which is compiled once.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::clock::Clock;
use domain::event::Event;
use domain::ids::{GenerationNumber, PluginName, StrategyName};
use domain::strategy::Strategy;
use persona_host::app::{App, build};
use persona_host::behavior::{Engine, EngineOptions, Generation, Source, Trust};
use persona_host::config::Config;
use persona_host::runner::Runner;
use persona_host::workshop::{self, Project, Sample, Surroundings};
use standin::{Stack, StackOptions};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;

#[path = "../tests/it/support/site.rs"]
mod site;

/// Saves of a Rust plugin.
const SAVES: u32 = 60;
/// Plugins of a daemon that starts again.
const CACHED: u32 = 10;
/// Calls per language.
const CALLS: usize = 2_000;
/// Generations held at once, to see what one of them takes.
const HELD: u32 = 8;
/// From one tick to the next while a large component is compiled.
const TICK: Duration = Duration::from_millis(25);

/// A daemon between stand-ins, with the plugin `own`.
struct House {
    app: App,
    plugins: PathBuf,
    _stack: Stack,
    _folder: TempDir,
}

impl House {
    /// With its loop running.
    async fn open(first: &[u8]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stack =
            Stack::start(StackOptions::on_free_ports(Clock::system())).await.expect("stand-ins start");
        let config = configuration(&stack, folder.path());
        let plugins = config.plugins.dir.clone();
        std::fs::write(plugins.join("own.wasm"), first).expect("it can be written");
        let app = build(&config, Clock::system()).await.expect("everything is there");
        let (_, commands) = Runner::door();
        tokio::spawn(Arc::clone(&app.runner).serve(commands, true));
        Self { app, plugins, _stack: stack, _folder: folder }
    }

    fn events(&self) -> Receiver<Event> {
        self.app.runner.deps().events.listen()
    }

    /// Saves a build, and waits until it serves.
    async fn save(&self, build: &[u8]) -> Duration {
        let mut events = self.events();
        let beside = self.plugins.join("own.part");
        std::fs::write(&beside, build).expect("it can be written");
        let saved = Instant::now();
        std::fs::rename(beside, self.plugins.join("own.wasm")).expect("it can be renamed");
        while !matches!(events.recv().await.expect("it goes on"), Event::PluginLoaded { .. }) {}
        saved.elapsed()
    }
}

fn configuration(stack: &Stack, folder: &Path) -> Config {
    let mut config = site::configuration(&site::Addresses::of(stack), folder, &[]);
    config.plugins.cache_dir = Some(folder.join("cache"));
    config.runner.tick_interval = TICK;
    config.strategies.push(Strategy::plain(StrategyName::new("own"), PluginName::new("own")));
    config
}

/// The example of a language, built by its own tools.
fn example(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/plugins").join(name);
    let project = Project::open(&folder).expect("an example");
    let variables = std::env::vars().map(|(name, _)| name).collect();
    let around = Surroundings { variables, target_dir: None };
    workshop::build(&project, &around, &mut |_| {})
        .unwrap_or_else(|error| panic!("{error}\n{}", error.output()));
    std::fs::read(project.component()).expect("it is built")
}

/// The same component with a custom section, which makes it another build.
fn numbered(component: &[u8], number: u32) -> Vec<u8> {
    [component, b"\0\x0b\x06number", &number.to_le_bytes()].concat()
}

async fn save_to_live(brief: &[u8]) {
    let house = House::open(brief).await;
    let mut times = Vec::new();
    for number in 0..SAVES {
        times.push(house.save(&numbered(brief, number)).await);
    }
    row("save → live, Rust, debounce of 100 ms included", quantiles(&mut times));
}

/// A daemon that was here before: nothing is compiled, and no child is started.
async fn start_with_cached(brief: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stack = Stack::start(StackOptions::on_free_ports(Clock::system())).await.expect("stand-ins start");
    let mut config = configuration(&stack, folder.path());
    config.strategies.clear();
    for number in 0..CACHED {
        let name = format!("own{number}");
        let file = config.plugins.dir.join(format!("{name}.wasm"));
        std::fs::write(file, numbered(brief, number)).expect("it can be written");
        config.strategies.push(Strategy::plain(StrategyName::new(&name), PluginName::new(&name)));
    }
    for start in ["first start", "second start"] {
        let began = Instant::now();
        let app = build(&config, Clock::system()).await.expect("everything is there");
        row(format!("{start} with {CACHED} Rust plugins"), format!("{:.2?}", began.elapsed()));
        assert!(app.complaints.is_empty(), "{:?}", app.complaints);
        app.runner.deps().ledger.close().await;
    }
}

async fn ticks_while_compiling(python: &[u8], brief: &[u8]) {
    let house = House::open(brief).await;
    let mut events = house.events();
    let counting = tokio::spawn(async move {
        let mut lags = Vec::new();
        loop {
            match events.recv().await.expect("it goes on") {
                Event::TickStarted { lag } => lags.push(lag),
                Event::PluginLoaded { .. } => return lags,
                _ => {}
            }
        }
    });
    let took = house.save(python).await;
    let mut lags = counting.await.expect("it counts");
    let late = lags.iter().filter(|lag| **lag > Duration::from_millis(50)).count();
    let ticks = lags.len();
    let shown = quantiles(&mut lags);
    row(
        "ticks every 25 ms while a Python component is compiled",
        format!("{ticks} ticks in {:.1} s, late by {shown}; {late} by more than 50 ms", took.as_secs_f64()),
    );
}

async fn calls_and_memory(engine: &Engine, language: &str, component: &[u8]) {
    let strategy = Strategy::plain(StrategyName::new("own"), PluginName::new("own"));
    let sample = Sample::usual();
    let generation = load(engine, component, 0).await;
    let (mut compose, mut parse) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let Sample { persona, context, outcome, reply } = &sample;
        let called = generation.compose_turn(&strategy, persona, context).await;
        called.result.expect("it composes");
        compose.push(called.took);
        let called = generation.parse_rating(&strategy, persona, context, outcome, reply).await;
        called.result.expect("it reads");
        parse.push(called.took);
    }
    row(format!("compose-turn, {language}"), quantiles(&mut compose));
    row(format!("parse-rating, {language}"), quantiles(&mut parse));
    let before = resident();
    let mut held = Vec::new();
    for number in 1..=HELD {
        held.push(load(engine, component, number).await);
    }
    let each = (resident() - before) / f64::from(HELD);
    let code = mib(generation.code());
    row(
        format!("memory of a generation, {language}"),
        format!("{each:.1} MiB resident, {code:.1} MiB of code"),
    );
}

async fn load(engine: &Engine, component: &[u8], number: u32) -> Generation {
    let source = Source::of(&PluginName::new("own"), "own.wasm", numbered(component, number));
    engine.load(&source, GenerationNumber(1), &Trust::default()).await.expect("it loads")
}

/// Middle, 95 and 99 of 100, and the longest.
fn quantiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    format!("median {:.2?}, p95 {:.2?}, p99 {:.2?}, longest {:.2?}", at(50), at(95), at(99), at(100))
}

fn row(what: impl Display, figures: impl Display) {
    println!("{what:<58} {figures}");
}

/// What this process holds in memory now, in MiB (Linux).
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[tokio::main]
async fn main() {
    // `cargo test --benches` only wants to know that it is there.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let brief = Source::built_in(&PluginName::new("brief")).expect("it is built in").bytes.to_vec();
    start_with_cached(&brief).await;
    save_to_live(&brief).await;
    let (javascript, python) = (example("brief-js"), example("brief-python"));
    ticks_while_compiling(&python, &brief).await;
    let engine =
        Engine::new(&EngineOptions { prover: Some(site::PROVER.into()), ..EngineOptions::default() })
            .expect("an engine");
    for (language, component) in [("Rust", &brief), ("JavaScript", &javascript), ("Python", &python)] {
        calls_and_memory(&engine, language, component).await;
    }
}
