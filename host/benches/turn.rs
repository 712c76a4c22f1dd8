//! What whole turns cost the daemon, with its neighbours in another process: six model requests and four tool calls
//! each, from the due list to the last delivery. Goals on two cores: at most 3 ms of CPU a turn, and 200 turns in
//! flight at 300 ms of model latency within 100 MiB.
//!
//! This program is both. Called with `--neighbours` it is the stand-ins, and for each line that it is told a day passes.
//! No Criterion: what counts is CPU time, which it does not know.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
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

use site::Addresses;

/// Turns of a round, and rounds of a measurement: the kernel counts CPU time in hundredths of a second.
const TURNS: usize = 64;
const ROUNDS: usize = 7;
/// Turns at once in the measurement of memory.
const IN_FLIGHT: usize = 200;
/// How long the model thinks in the measurement of memory.
const MODEL_LATENCY: Duration = Duration::from_millis(300);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.next().as_deref() {
        Some("--neighbours") => {
            let latency = arguments.next().and_then(|millis| millis.parse().ok()).expect("milliseconds");
            runtime.block_on(neighbours(Duration::from_millis(latency)));
        }
        Some("--bench") => {
            // First, so that the peak is its own.
            many_in_flight(&runtime);
            for at_once in [1, 8] {
                cpu(&runtime, at_once, TURNS, ROUNDS);
            }
        }
        // `cargo test --benches` only wants to know that it runs.
        _ => cpu(&runtime, 1, 1, 1),
    }
}

/// The stand-ins, until nobody tells them anything any more.
async fn neighbours(model_latency: Duration) {
    let (clock, folder) = (Clock::system(), tempfile::tempdir().expect("a temporary folder"));
    let script = claude::Script {
        first_byte_after: model_latency,
        calls_per_turn: Some(4),
        ..claude::Script::default()
    };
    let database = DatabaseUrl::File(folder.path().join("mana.db"));
    let options = StackOptions { database, script, ..StackOptions::on_free_ports(clock.clone()) };
    let stack = Stack::start(options).await.expect("the stand-ins start");
    println!("{}", serde_json::to_string(&Addresses::of(&stack)).expect("JSON"));
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(tokio::io::stdin()));
    while lines.next_line().await.is_ok_and(|line| line.is_some()) {
        clock.advance(TimeDelta::days(1));
        println!("a day has passed");
    }
    stack.stop().await;
}

/// The daemon in this process, the neighbours in another.
struct Town {
    clock: Clock,
    app: App,
    neighbours: Neighbours,
    _folder: TempDir,
}

/// The process, and the way to it.
struct Neighbours {
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
}

impl Neighbours {
    fn start(model_latency: Duration) -> (Self, Addresses) {
        let itself = std::env::current_exe().expect("a program");
        let mut child = Command::new(itself)
            .args(["--neighbours", &model_latency.as_millis().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        let hears = child.stdin.take().expect("it is piped");
        let mut own = Self { child, says, hears };
        let addresses = serde_json::from_str(&own.hear()).expect("addresses");
        (own, addresses)
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).expect("a line");
        line
    }

    fn next_day(&mut self) {
        writeln!(self.hears, "the next day").expect("it listens");
        self.hear();
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Town {
    /// A town of so many personas, all due.
    async fn of(personas: usize, at_once: usize, model_latency: Duration) -> Self {
        let (neighbours, addresses) = Neighbours::start(model_latency);
        let (clock, folder) = (Clock::system(), tempfile::tempdir().expect("a temporary folder"));
        let concurrency = at_once.to_string();
        let more = [("PERSONA_CONCURRENCY", concurrency.as_str())];
        let mut config = site::configuration(&addresses, folder.path(), &more);
        config.plugins.cache_dir = Some(folder.path().join("cache"));
        let url = format!("{}/api/v1/admin/personas", addresses.auth);
        let admin = Admin::new(outbound::client().expect("a client"), url, addresses.admin_jwt.into());
        for number in 0..personas {
            let entry = entry(number);
            let password = password(&config.mana.seed_secret, &entry.email).expect("there is a secret");
            admin.create(&entry, &password).await.expect("it is created");
        }
        let app = build(&config, clock.clone()).await.expect("everything is there");
        Self { clock, app, neighbours, _folder: folder }
    }

    /// A turn for everybody.
    async fn tick(&self) -> TickReport {
        let report = self.app.runner.tick(None, Duration::ZERO).await.expect("the tick takes place");
        assert!(report.due > 0 && report.ran_successfully == report.due, "{report:?}");
        report
    }

    /// The day after: everybody is due again.
    fn next_day(&mut self) {
        self.clock.advance(TimeDelta::days(1));
        self.neighbours.next_day();
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

/// The CPU time of a turn, so many of them at once.
fn cpu(runtime: &Runtime, at_once: usize, turns: usize, rounds: usize) {
    let mut town = runtime.block_on(Town::of(at_once, at_once, Duration::ZERO));
    // Everybody signs in once.
    runtime.block_on(town.tick());
    let ticks = turns.div_ceil(at_once);
    let mut spent = Vec::new();
    for _ in 0..rounds {
        let mut took = Duration::ZERO;
        let before = CpuTime::now();
        for _ in 0..ticks {
            town.next_day();
            let started = Instant::now();
            runtime.block_on(town.tick());
            took += started.elapsed();
        }
        let turns = f64::from(u32::try_from(ticks * at_once).expect("not that many"));
        let after = CpuTime::now();
        spent.push((
            (after.user - before.user) * 1e3 / turns,
            (after.system - before.system) * 1e3 / turns,
            took.as_secs_f64() * 1e3 / turns,
        ));
    }
    spent.sort_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)));
    let (user, system, took) = spent[spent.len() / 2];
    let of = |round: &(f64, f64, f64)| round.0 + round.1;
    println!(
        "turn, {at_once} at once  CPU {:.2} ms (user {user:.2}, system {system:.2}; rounds from {:.2} to {:.2}), wall \
         {took:.1} ms",
        user + system,
        of(&spent[0]),
        of(spent.last().expect("a round")),
    );
}

/// Many turns that wait for the model at the same time; the memory is that of the daemon.
fn many_in_flight(runtime: &Runtime) {
    let town = runtime.block_on(Town::of(IN_FLIGHT, IN_FLIGHT, MODEL_LATENCY));
    let (memory_before, before) = (peak_memory_mib(), CpuTime::now());
    let report = runtime.block_on(town.tick());
    let after = CpuTime::now();
    let cpu = (after.user + after.system - before.user - before.system) * 1e3;
    println!(
        "turn, {IN_FLIGHT} in flight  {:.1} s, CPU {:.2} ms a turn, peak memory {:.0} MiB ({memory_before:.0} MiB before)",
        Duration::from_millis(report.duration_ms).as_secs_f64(),
        cpu / f64::from(u32::try_from(IN_FLIGHT).expect("not that many")),
        peak_memory_mib(),
    );
}

/// What this process has computed so far, in seconds; exact to a hundredth (Linux).
struct CpuTime {
    /// In the program.
    user: f64,
    /// In the kernel.
    system: f64,
}

impl CpuTime {
    fn now() -> Self {
        let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
        // The second field is a name in brackets; user and system time are the 14th and the 15th.
        let (_, after_name) = stat.rsplit_once(')').expect("a name in brackets");
        let mut ticks = after_name.split_whitespace().skip(11);
        let mut next = || ticks.next().and_then(|field| field.parse::<f64>().ok()).expect("a number") / 100.0;
        Self { user: next(), system: next() }
    }
}

/// The most memory that this process ever had (Linux).
fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1024.0
}
