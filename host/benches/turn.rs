//! What whole turns cost the daemon, with its neighbours in another process: six model requests and four tool calls
//! each, from the due list to the last delivery. Goals on two cores: at most 3 ms of CPU a turn and 0.4 of what the loop
//! of `examples/bench` takes, and 200 turns in flight at 300 ms of model latency within 100 MiB.
//!
//! `--beside` measures that loop too, round by round in turn with the daemon. Called with `--neighbours` this program is
//! the stand-ins. No Criterion: what counts is CPU time, which it does not know.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::clock::Clock;
use persona_host::app::{App, build};
use persona_host::runner::TickReport;
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[path = "turn/cpu_time.rs"]
mod cpu_time;
#[path = "turn/neighbours.rs"]
mod neighbours;
#[path = "turn/peak_memory.rs"]
mod peak_memory;
#[path = "turn/plain_loop.rs"]
mod plain_loop;
#[path = "../tests/it/support/site.rs"]
mod site;

use cpu_time::CpuTime;
use neighbours::{Books, CALLS, Manners, Neighbours};
use peak_memory::peak_memory_mib;
use plain_loop::{Installed, PlainLoop};

/// Turns of a round, and rounds of a measurement: the kernel counts CPU time in hundredths of a second.
const TURNS: usize = 64;
const ROUNDS: usize = 7;
/// Turns at once in the measurement of memory.
const IN_FLIGHT: [usize; 2] = [200, 1000];
/// A reply for each tool call, one that ends the day, and the rating.
const MODEL_REQUESTS: u32 = CALLS + 2;
/// How long the model thinks in the measurement of memory.
const MODEL_LATENCY: Duration = Duration::from_millis(300);
/// Who answers at once.
const PROMPT: Manners = Manners { model_latency: Duration::ZERO, count: false };

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    match arguments.next().as_deref() {
        Some("--neighbours") => runtime.block_on(neighbours::be(arguments)),
        Some("--bench") => {
            // First, so that the peak is its own.
            for turns in IN_FLIGHT {
                many_in_flight(&runtime, turns);
            }
            for at_once in [1, 8] {
                cpu(&runtime, at_once, TURNS, ROUNDS);
            }
        }
        Some("--cpu") => {
            for at_once in [1, 8] {
                cpu(&runtime, at_once, TURNS, ROUNDS);
            }
        }
        Some("--beside") => {
            let installed = Installed::get();
            for at_once in [1, 8] {
                beside(&runtime, &installed, at_once);
            }
        }
        // `cargo test --benches` only wants to know that it runs.
        _ => cpu(&runtime, 1, 1, 1),
    }
}

/// The daemon in this process, the neighbours in another.
struct Town {
    clock: Clock,
    app: App,
    neighbours: Neighbours,
    _folder: TempDir,
}

impl Town {
    /// A town of so many personas, all due.
    async fn of(personas: usize, at_once: usize, manners: Manners) -> Self {
        let neighbours = Neighbours::start(manners);
        let (clock, folder) = (Clock::system(), tempfile::tempdir().expect("a temporary folder"));
        let concurrency = at_once.to_string();
        let more = [("PERSONA_CONCURRENCY", concurrency.as_str())];
        let mut config = site::configuration(&neighbours.addresses, folder.path(), &more);
        config.plugins.cache_dir = Some(folder.path().join("cache"));
        neighbours.settle(personas, &config.mana.seed_secret).await;
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

    /// A tick on each of so many days.
    fn round(&mut self, runtime: &Runtime, ticks: usize, at_once: usize) -> Round {
        let (mut took, before) = (Duration::ZERO, CpuTime::now());
        for _ in 0..ticks {
            self.next_day();
            let started = Instant::now();
            runtime.block_on(self.tick());
            took += started.elapsed();
        }
        Round::of(CpuTime::now() - before, took, ticks * at_once)
    }
}

impl PlainLoop {
    /// The same of the loop.
    fn round(&mut self, ticks: usize, at_once: usize) -> Round {
        let (mut took, before) = (Duration::ZERO, self.cpu_time());
        for _ in 0..ticks {
            self.neighbours.next_day();
            let started = Instant::now();
            self.tick();
            took += started.elapsed();
        }
        Round::of(self.cpu_time() - before, took, ticks * at_once)
    }
}

/// What a turn took in a round, in milliseconds.
struct Round {
    cpu: CpuTime,
    wall: f64,
}

impl Round {
    fn of(cpu: CpuTime, took: Duration, turns: usize) -> Self {
        let each = 1e3 / f64::from(u32::try_from(turns).expect("not that many"));
        let cpu = CpuTime { user: cpu.user * each, system: cpu.system * each };
        Self { cpu, wall: took.as_secs_f64() * each }
    }
}

/// The CPU time of a turn, so many of them at once.
fn cpu(runtime: &Runtime, at_once: usize, turns: usize, rounds: usize) {
    let mut town = runtime.block_on(Town::of(at_once, at_once, PROMPT));
    // Everybody signs in once.
    runtime.block_on(town.tick());
    let ticks = turns.div_ceil(at_once);
    let rounds = (0..rounds).map(|_| town.round(runtime, ticks, at_once)).collect();
    tell(&format!("turn, {at_once} at once"), rounds);
}

/// The same of the daemon and of the loop, a round of each in turn, so that both have the same machine.
fn beside(runtime: &Runtime, installed: &Installed, at_once: usize) {
    let counting = Manners { count: true, ..PROMPT };
    let mut town = runtime.block_on(Town::of(at_once, at_once, counting));
    let mut plain = runtime.block_on(PlainLoop::of(installed, at_once, at_once, counting));
    let ticks = TURNS.div_ceil(at_once);
    // Everybody signs in once, and the loop is compiled where it is hot.
    runtime.block_on(town.tick());
    plain.tick();
    town.round(runtime, ticks, at_once);
    plain.round(ticks, at_once);
    same_was_asked(&town.neighbours.books(), &plain.neighbours.books(), (ticks + 1) * at_once);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(town.round(runtime, ticks, at_once));
        other.push(plain.round(ticks, at_once));
    }
    same_was_asked(&town.neighbours.books(), &plain.neighbours.books(), ROUNDS * ticks * at_once);
    let own = tell(&format!("turn, {at_once} at once, daemon"), own);
    let other = tell(&format!("turn, {at_once} at once, loop  "), other);
    println!("turn, {at_once} at once: the daemon takes {:.2} of the loop's CPU", own / other);
}

/// Both asked for the same, as often, and delivered as many actions. How many modules a persona used, and rates, is
/// drawn from the words of the question.
fn same_was_asked(town: &Books, plain: &Books, turns: usize) {
    let turns = u64::try_from(turns).expect("not that many");
    let calls = u64::from(CALLS);
    for books in [town, plain] {
        let each = [
            ("claude POST messages", calls + 2),
            ("mana-mcp POST tools/call", calls),
            ("rows of actions", calls),
        ];
        for (what, times) in each {
            assert_eq!(books.get(what), Some(&(times * turns)), "{what} of {turns} turns: {books:#?}");
        }
    }
    let but_ratings = |books: &Books| {
        let mut books = books.clone();
        assert!(books.remove("rows of feedback") >= Some(turns), "a turn without a rating");
        books
    };
    assert_eq!(but_ratings(town), but_ratings(plain), "the daemon on the left, the loop on the right");
}

/// Tells the median round, and gives its CPU time.
fn tell(what: &str, mut rounds: Vec<Round>) -> f64 {
    rounds.sort_by(|a, b| a.cpu.all().total_cmp(&b.cpu.all()));
    let Round { cpu, wall } = &rounds[rounds.len() / 2];
    println!(
        "{what}  CPU {:.2} ms (user {:.2}, system {:.2}; rounds from {:.2} to {:.2}), wall {wall:.1} ms",
        cpu.all(),
        cpu.user,
        cpu.system,
        rounds[0].cpu.all(),
        rounds[rounds.len() - 1].cpu.all(),
    );
    cpu.all()
}

/// Many turns that wait for the model at the same time; the memory is that of the daemon.
fn many_in_flight(runtime: &Runtime, turns: usize) {
    let manners = Manners { model_latency: MODEL_LATENCY, ..PROMPT };
    let town = runtime.block_on(Town::of(turns, turns, manners));
    let (memory_before, before) = (peak_memory_mib(), CpuTime::now());
    let report = runtime.block_on(town.tick());
    let cpu = (CpuTime::now() - before).all() * 1e3;
    let took = Duration::from_millis(report.duration_ms).as_secs_f64();
    let turns = f64::from(u32::try_from(turns).expect("not that many"));
    let bound = turns / (f64::from(MODEL_REQUESTS) * MODEL_LATENCY.as_secs_f64());
    println!(
        "turn, {turns} in flight  {took:.1} s, {:.0} turns a second ({:.0} % of what the model's latency allows), CPU {:.2} ms \
         a turn, peak memory {:.0} MiB ({memory_before:.0} MiB before)",
        turns / took,
        100.0 * turns / took / bound,
        cpu / turns,
        peak_memory_mib(),
    );
}
