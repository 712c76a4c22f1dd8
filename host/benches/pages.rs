//! How long each page and each list of the API takes on the server, with a ledger as full as it is after some months: 100,000
//! turns of 60 personas, each with eleven steps, and an experiment in their middle. From the request to the last byte, over
//! loopback, of the program itself, which plays nobody meanwhile: the median and the longest of some, and what of it was work of
//! the program on a CPU, which counts where others work beside it.
//!
//! `PERSONA_HOST_BENCH_TURNS=100000 cargo test --bench pages` measures the build of every day, in which our own code is not
//! optimised; `cargo bench --bench pages` the release. `PERSONA_HOST_BENCH_LEDGER` names a file that is filled once, and kept.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::clock::Clock;
use domain::experiment::Experiment;
use persona_host::store::{Ledger, LedgerUrl, TurnFilter};
use serde_json::json;

const PERSONAS: u32 = 60;
/// One more turn each 72 seconds: 100,000 of them take 83 days.
const SPACING_MS: u32 = 72_000;
/// How often each is asked.
const TIMES: usize = 9;
const FILL: &str = include_str!("pages/fill.sql");

#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider().install_default().expect("the first to choose");
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let wanted = std::env::var("PERSONA_HOST_BENCH_TURNS").ok().and_then(|turns| turns.parse().ok());
    // `cargo test --benches` only wants to know that it runs.
    let turns: u32 = wanted.unwrap_or(if is_bench { 100_000 } else { 2_000 });
    let times = if turns > 2_000 { TIMES } else { 1 };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = std::env::var_os("PERSONA_HOST_BENCH_LEDGER")
        .map_or_else(|| folder.path().join("ledger.db"), PathBuf::from);
    let id = filled(&file, turns).await;
    let (daemon, base) = daemon(folder.path(), &file).await;
    println!("{turns} turns; the median and the longest of {times}, CPU of one, size");
    for place in places(&id) {
        measure(&daemon, &format!("{base}{place}"), &place, times).await;
    }
}

/// A ledger with so many turns, and the id of one of them.
async fn filled(file: &Path, turns: u32) -> String {
    if let Some(id) = newest(file).await {
        return id;
    }
    let text = format!("'{}'", "You are Anna, a developer who works alone. ".repeat(20));
    let now = Clock::system().now().timestamp_millis();
    let rows = FILL
        .replace("{turns}", &turns.to_string())
        .replace("{personas}", &PERSONAS.to_string())
        .replace("{spacing}", &SPACING_MS.to_string())
        .replace("{first}", &(turns / PERSONAS / 4).to_string())
        .replace("{now}", &now.to_string())
        .replace("{text}", &text);
    let ledger = rusqlite::Connection::open(file).expect("it opens");
    ledger.execute_batch(&format!("BEGIN;\n{rows}\nCOMMIT;")).expect("it is filled");
    drop(ledger);
    newest(file).await.expect("it is filled")
}

/// The last turn that was completed. A ledger that is not there is made.
async fn newest(file: &Path) -> Option<String> {
    let ledger = Ledger::open(&LedgerUrl::of_file(file), Clock::system()).await.expect("it opens");
    ledger.register(&experiment()).await.expect("it is registered");
    let newest = TurnFilter { state: Some("completed".to_owned()), limit: Some(1), ..TurnFilter::default() };
    let found = ledger.list(&newest).await.expect("it is read").pop();
    ledger.close().await;
    found.map(|turn| turn.id)
}

fn experiment() -> Experiment {
    let plan = json!({
        "plan": {
            "key": "tone", "question": "Which one?", "design": "crossover", "arms": ["plain", "warm"],
            "weights": [0.5, 0.5], "primary": "rating", "secondary": ["actions", "cost"], "guardrails": [], "margin": 0.2,
            "alpha": 0.05, "plannedBlocks": 40, "stopping": "sequential",
        },
        "arms": [
            { "name": "plain", "strategy": "daily", "settings": {} },
            { "name": "warm", "strategy": "brief", "settings": {} },
        ],
        "who": "all", "seed": "tone", "version": 1, "minimumVersion": 1, "traffic": 1.0,
        "exclusive": null, "budget": null, "starts": null, "ends": null,
    });
    serde_json::from_value(plan).expect("a plan")
}

/// Ended when the measuring is.
struct Daemon(Child);

impl Daemon {
    /// How long each of its threads has been on a CPU, by its id; nothing where Linux does not say so.
    fn on_a_cpu(&self) -> BTreeMap<OsString, Duration> {
        let threads =
            std::fs::read_dir(format!("/proc/{}/task", self.0.id())).into_iter().flatten().flatten();
        let times = threads.filter_map(|thread| {
            let line = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name(), Duration::from_nanos(line.split(' ').next()?.parse().ok()?)))
        });
        times.collect()
    }

    /// How long they have been there since. A thread that ended meanwhile had waited for ten seconds, and does not count.
    fn on_a_cpu_since(&self, before: &BTreeMap<OsString, Duration>) -> Duration {
        let since = |(thread, now): (OsString, Duration)| {
            now.saturating_sub(before.get(&thread).copied().unwrap_or_default())
        };
        self.on_a_cpu().into_iter().map(since).sum()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program over this ledger. Without keys it plays nobody.
async fn daemon(folder: &Path, ledger: &Path) -> (Daemon, String) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.expect("a free port").port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_persona-host"));
    command.arg("run").current_dir(folder).env_clear();
    for kept in ["PATH", "HOME", "XDG_CACHE_HOME"] {
        command.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    command
        .env("PORT", port.to_string())
        .env("PERSONA_STORE_URL", format!("sqlite:{}", ledger.display()))
        .env("RUST_LOG", "error")
        .stdout(Stdio::null());
    let daemon = Daemon(command.spawn().expect("it starts"));
    let base = format!("http://127.0.0.1:{port}");
    for _ in 0..200 {
        if reqwest::get(format!("{base}/health/live")).await.is_ok_and(|answer| answer.status() == 200) {
            return (daemon, base);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("persona-host does not answer on {base}");
}

fn places(id: &str) -> Vec<String> {
    let persona = "persona.p7@mana.test";
    [
        "/",
        "/turns",
        &format!("/turns?persona={persona}"),
        "/turns?state=held",
        "/turns?state=skipped",
        "/turns?state=faulted",
        "/turns?everFaulted=true",
        "/turns?everFaulted=true&since=24h",
        "/turns?since=24h",
        "/turns?experiment=tone&arm=warm",
        &format!("/turns/{id}"),
        &format!("/compare?a={id}&b={id}"),
        "/personas",
        &format!("/personas/{persona}"),
        "/plugins",
        // Whoever opens this waits for it to be computed, as the longest of all tells; the other two do not.
        "/experiments/tone/report",
        "/experiments",
        "/experiments/tone",
        "/costs",
        "/costs?since=7d",
        "/costs?by=persona",
        "/costs?by=persona&since=7d",
        "/costs?by=strategy",
        "/costs?by=arm",
        "/costs?by=model",
        "/api/turns?limit=500",
        &format!("/api/turns?persona={persona}&limit=500"),
        "/api/turns?state=parked",
        &format!("/api/turns/{id}"),
        "/api/costs",
        "/api/costs?by=persona",
        "/api/personas",
        "/api/status",
    ]
    .map(str::to_owned)
    .to_vec()
}

async fn measure(daemon: &Daemon, url: &str, place: &str, times: usize) {
    let client = reqwest::Client::new();
    let (mut took, mut length) = (Vec::new(), 0);
    let before = daemon.on_a_cpu();
    for _ in 0..times {
        let began = Instant::now();
        let answer = client.get(url).send().await.expect("it answers");
        assert_eq!(answer.status(), 200, "{place}");
        length = answer.bytes().await.expect("it is whole").len();
        took.push(began.elapsed());
    }
    took.sort();
    let [median, longest] = [took[times / 2], took[times - 1]].map(|took| took.as_secs_f64() * 1e3);
    let cpu = daemon.on_a_cpu_since(&before) / u32::try_from(times).expect("a few");
    let cpu = cpu.as_secs_f64() * 1e3;
    println!("{median:8.1} ms {longest:8.1} ms {cpu:8.1} ms {:6} KiB  {place}", length / 1024);
}
