//! What whole turns cost, with the stand-ins in the same process: six model requests and four tool
//! calls each, from the due list to the last delivery. Goals on two cores: at most 10 ms of CPU a
//! turn, and 200 turns in flight at 300 ms of model latency within 150 MiB.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use criterion::{Criterion, SamplingMode};
use domain::clock::Clock;
use domain::persona::{Cadence, ModuleWeight};
use persona_host::app::{App, build};
use persona_host::mana::admin::Admin;
use persona_host::mana::catalog::Entry;
use persona_host::mana::password;
use persona_host::outbound;
use persona_host::runner::TickReport;
use standin::{DatabaseUrl, Stack, StackOptions, claude};
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[path = "../tests/it/support/site.rs"]
mod site;

/// Turns at once in the measurement of memory.
const IN_FLIGHT: usize = 200;
/// How long the model thinks in the measurement of memory.
const MODEL_LATENCY: Duration = Duration::from_millis(300);

/// Host and stand-ins, on files of their own.
struct Town {
    clock: Clock,
    app: App,
    // Held because dropping them ends them.
    _stack: Stack,
    _folder: TempDir,
}

impl Town {
    /// A town of so many personas, all due.
    async fn of(personas: usize, model_latency: Duration) -> Self {
        let clock = Clock::system();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let script = claude::Script {
            first_byte_after: model_latency,
            calls_per_turn: Some(4),
            ..claude::Script::default()
        };
        let database = DatabaseUrl::File(folder.path().join("mana.db"));
        let options = StackOptions { database, script, ..StackOptions::on_free_ports(clock.clone()) };
        let stack = Stack::start(options).await.expect("the stand-ins start");
        let concurrency = personas.to_string();
        let mut config = site::configuration(&stack, folder.path(), &[("PERSONA_CONCURRENCY", &concurrency)]);
        config.plugins.cache_dir = Some(folder.path().join("cache"));
        config.plugins.prover = Some(env!("CARGO_BIN_EXE_persona-host").into());
        let url = format!("{}/api/v1/admin/personas", stack.auth_url());
        let admin = Admin::new(outbound::client().expect("a client"), url, stack.admin_jwt().into());
        for number in 0..personas {
            let entry = entry(number);
            let password = password(&config.mana.seed_secret, &entry.email).expect("there is a secret");
            admin.create(&entry, &password).await.expect("it is created");
        }
        let app = build(&config, clock.clone()).await.expect("everything is there");
        Self { clock, app, _stack: stack, _folder: folder }
    }

    /// A turn for everybody.
    async fn tick(&self) -> TickReport {
        let report = self.app.runner.tick(None, Duration::ZERO).await.expect("the tick takes place");
        assert!(report.due > 0 && report.ran_successfully == report.due, "{report:?}");
        report
    }

    /// The day after: everybody is due again.
    fn next_day(&self) {
        self.clock.advance(TimeDelta::days(1));
    }
}

fn entry(number: usize) -> Entry {
    Entry {
        name: format!("Anna {number}"),
        email: format!("persona.anna{number}@mana.test"),
        archetype: "adhd-student".to_owned(),
        system_prompt: "Du bist Anna, 23, studierst in Leipzig und verlierst leicht den Faden.".to_owned(),
        module_mix: [("todo", 0.5), ("journal", 0.3), ("notes", 0.2)]
            .map(|(module, weight)| ModuleWeight { module: module.to_owned(), weight })
            .into(),
        cadence: Cadence::Daily,
    }
}

/// The time of whole turns, one after the other; and their CPU time, which Criterion does not know.
fn whole_turn(criterion: &mut Criterion, runtime: &Runtime) {
    let town = runtime.block_on(Town::of(1, Duration::ZERO));
    let cpu_times = Mutex::new(Vec::new());
    let mut group = criterion.benchmark_group("turn");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_secs(20));
    group.bench_function("whole", |bencher| {
        bencher.to_async(runtime).iter_custom(async |turns| {
            let mut took = Duration::ZERO;
            let cpu_before = cpu_time();
            for _ in 0..turns {
                town.next_day();
                let started = Instant::now();
                town.tick().await;
                took += started.elapsed();
            }
            // Warming up ends with short rounds, for which the kernel's clock is too coarse.
            if turns >= 10 {
                let cpu = (cpu_time() - cpu_before).as_secs_f64() * 1e3;
                #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
                cpu_times.lock().expect("nobody panicked").push(cpu / turns as f64);
            }
            took
        });
    });
    group.finish();
    let mut cpu_times = cpu_times.into_inner().expect("nobody panicked");
    cpu_times.sort_by(f64::total_cmp);
    if let (Some(least), Some(most)) = (cpu_times.first(), cpu_times.last()) {
        let median = cpu_times[cpu_times.len() / 2];
        println!(
            "turn/whole  CPU: median {median:.2} ms a turn (from {least:.2} to {most:.2}), stand-ins included"
        );
    }
}

/// Many turns that wait for the model at the same time; the memory is that of the whole process.
fn many_in_flight(runtime: &Runtime) {
    let town = runtime.block_on(Town::of(IN_FLIGHT, MODEL_LATENCY));
    let (memory_before, cpu_before) = (peak_memory_mib(), cpu_time());
    let report = runtime.block_on(town.tick());
    #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
    let cpu = (cpu_time() - cpu_before).as_secs_f64() * 1e3 / IN_FLIGHT as f64;
    println!(
        "turn/{IN_FLIGHT} in flight  {:.1} s, {cpu:.1} ms of CPU a turn, peak memory {:.0} MiB ({memory_before:.0} \
         MiB before), stand-ins included",
        Duration::from_millis(report.duration_ms).as_secs_f64(),
        peak_memory_mib(),
    );
}

/// What this process has computed so far, in the program and in the kernel; exact to 10 ms (Linux).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    // The second field is a name in brackets; user and system time are the 14th and the 15th.
    let (_, after_name) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// The most memory that this process ever had (Linux).
fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1024.0
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        // First, so that the peak is its own.
        many_in_flight(&runtime);
    }
    let mut criterion = Criterion::default().configure_from_args();
    whole_turn(&mut criterion, &runtime);
    criterion.final_summary();
}
