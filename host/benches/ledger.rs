//! How many steps a second the ledger takes: an intent that is safe before its work begins, and a result that shares a
//! commit with the next intent. One turn at a time, and many at once.
//!
//! `PERSONA_HOST_BENCH_STORE` names another ledger than a SQLite file in a temporary folder, such as
//! `postgres://…`. No Criterion: what counts is how much goes through.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::clock::Clock;
use domain::ids::{PersonaId, TurnId};
use domain::persona::{Cadence, Persona};
use domain::step::StepKey;
use domain::transcript::Phase;
use persona_host::store::{Begin, Ledger, LedgerUrl};

#[path = "turn/cpu_time.rs"]
mod cpu_time;

use cpu_time::CpuTime;

/// How long each measurement takes, and how many there are: the median is told.
const TOOK: Duration = Duration::from_secs(1);
const TIMES: usize = 5;
/// About as long as a reply with a tool call is in the journal.
const RESULT: usize = 400;

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    // `cargo test --benches` only wants to know that it runs.
    let (took, times) = if is_bench { (TOOK, TIMES) } else { (Duration::from_millis(20), 1) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for at_once in [1, 8, 64] {
        runtime.block_on(measure(at_once, took, times));
    }
}

async fn measure(at_once: usize, took: Duration, times: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = std::env::var("PERSONA_HOST_BENCH_STORE")
        .unwrap_or_else(|_| format!("sqlite:{}", folder.path().join("ledger.db").display()));
    let ledger = Ledger::open(&LedgerUrl::parse(&url).expect("a ledger's URL"), Clock::system()).await;
    let ledger = Arc::new(ledger.expect("it opens"));
    let mut figures = Vec::new();
    for time in 0..times {
        let (cpu, began) = (CpuTime::now(), Instant::now());
        let turns = (0..at_once).map(|place| tokio::spawn(steps(Arc::clone(&ledger), (time, place), took)));
        let mut steps = 0;
        for turn in turns.collect::<Vec<_>>() {
            steps += turn.await.expect("it ends");
        }
        let steps = f64::from(steps);
        let cpu = (CpuTime::now() - cpu).all() * 1e6 / steps;
        figures.push((steps / began.elapsed().as_secs_f64(), cpu));
    }
    figures.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (a_second, cpu) = figures[figures.len() / 2];
    println!("ledger, {at_once} turns at once  {a_second:.0} steps a second, CPU {cpu:.0} µs a step");
    ledger.close().await;
}

/// Takes steps of one turn for so long, and gives how many.
async fn steps(ledger: Arc<Ledger>, (time, place): (usize, usize), took: Duration) -> u32 {
    let persona = Persona {
        id: PersonaId::new(format!("{}-{time}-{place}", std::process::id())),
        email: format!("{place}@mana.test"),
        archetype: "solo-dev".to_owned(),
        system_prompt: String::new(),
        module_mix: Vec::new(),
        cadence: Cadence::Daily,
        last_active_at: None,
    };
    let (turn, slot) = (TurnId::of(&persona.id, &persona.slot()), persona.slot());
    ledger.begin(Begin { turn, persona: &persona, slot: &slot }).await.expect("it begins");
    let result = format!("{{\"text\": \"{}\"}}", "x".repeat(RESULT));
    let (began, mut number) = (Instant::now(), 0);
    while began.elapsed() < took {
        number += 1;
        let key = StepKey::model(Phase::Main, number);
        let step = ledger.begin_step(turn, 1, &key, "{}").await.expect("it is safe");
        ledger.keep_step(step, &result);
    }
    number
}
