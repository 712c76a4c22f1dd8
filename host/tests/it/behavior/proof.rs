//! A file shows itself in a child process, and whatever that child comes to, it is a refusal: nothing of it
//! reaches the process that asked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::event::Event;
use domain::ids::GenerationNumber;
use persona_host::behavior::{Engine, EngineOptions, Generation, LoadStage, ProofLimits, Refusal, Trust};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::{options, source, strategy};
use crate::support::house::{Blueprint, Lively, eventually, within_reason};
use crate::support::prover::instead;
use crate::support::pulse::{Pulse, STANDS_STILL};
use crate::support::{builds, hostile};

/// The same mutations in each run.
const SEED: u64 = 10;
/// More than this, this process does not grow by what a child does, in MiB.
const GROWTH: u64 = 200;

/// A child that may not take much: the files here would take all that there is.
fn narrow() -> Engine {
    let proof = ProofLimits { memory: 192 << 20, time: Duration::from_secs(2), ..ProofLimits::default() };
    Engine::new(&EngineOptions { proof, ..options() }).unwrap()
}

async fn load(engine: &Engine, bytes: &[u8]) -> Result<Generation, Refusal> {
    engine.load(&source("own", bytes), GenerationNumber(1), &Trust::default()).await
}

/// The small files that exhaust whoever reads or compiles them.
fn exhausting() -> Vec<(&'static str, Vec<u8>)> {
    let good = builds::built_in("brief");
    vec![
        ("component types 5000 levels deep", hostile::with_nested_types(&good, 0x41, 5000)),
        ("instance types 1000 levels deep", hostile::with_nested_types(&good, 0x42, 1000)),
        ("component types 100000 levels deep", hostile::with_nested_types(&good, 0x41, 100_000)),
        ("30 levels of two instances each", hostile::with_multiplied(&good, 30, 2)),
        ("3 levels of 900 instances each", hostile::with_multiplied(&good, 3, 900)),
        (
            "20000 components inside of each other",
            hostile::with_inside(&good, "own:odd/inside", &hostile::nested(20_000)),
        ),
        ("50000 variables and 20000 loops", hostile::wide_function(50_000, 20_000)),
        ("a schema that branches 40 times", builds::misfit("branch-in-schema")),
    ]
}

/// A daemon in this process that ticks all the time, and the pulse of its ticks.
async fn ticking() -> (Lively, Arc<Pulse>) {
    let house = Blueprint::of(&["Anna"])
        .config(|config| config.runner.tick_interval = Duration::from_millis(20))
        .build()
        .await;
    let (lively, pulse) = (house.lively(true).await, Pulse::new());
    let (heart, mut events) = (Arc::downgrade(&pulse), lively.events.resubscribe());
    tokio::spawn(async move {
        loop {
            let event = events.recv().await;
            match (event, heart.upgrade()) {
                (Ok(Event::TickEnded { .. }), Some(pulse)) => pulse.beat(),
                (Ok(_) | Err(RecvError::Lagged(_)), Some(_)) => {}
                (Err(RecvError::Closed), _) | (_, None) => return,
            }
        }
    });
    (lively, pulse)
}

/// What this process holds in memory, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

#[tokio::test]
async fn a_small_file_that_exhausts_whoever_reads_it_is_refused_and_hurts_nobody() {
    let (engine, pulse) = (narrow(), Pulse::of_runtime());
    let settings = strategy("own", json!({}));
    for (what, bytes) in exhausting() {
        let before = resident();
        let refusal = match load(&engine, &bytes).await {
            Err(refusal) => format!("{}: {}\n  fix: {}", refusal.stage.name(), refusal.message, refusal.hint),
            // Its schema is looked at when there are settings.
            Ok(generation) => {
                let error = generation.check_settings(&settings).await.result.expect_err(what);
                format!("{error}\n  fix: {}", error.hint())
            }
        };
        println!("{what}, {} KiB: {refusal}", bytes.len() >> 10);
        let told = ["nests too deep", "MiB of memory", "computing time", "cannot be compiled", "instances"];
        assert!(told.iter().any(|words| refusal.contains(words)), "{what}: {refusal}");
        assert!(refusal.len() < 1000, "{what}: {refusal}");
        assert!(pulse.longest() < STANDS_STILL, "{what}: nothing else got on, {pulse:?}");
        assert!(resident().saturating_sub(before) < GROWTH, "{what}: {before} MiB, then {}", resident());
    }
    load(&engine, &builds::good(1)).await.expect("a good file after all that is loaded");
}

#[tokio::test]
async fn what_is_only_looked_at_has_bounds_too() {
    let misfit = narrow().look(&hostile::nested(20_000)).await.expect_err("it is too deep");
    assert!(misfit.message.contains("nests too deep"), "{misfit:?}");
}

#[tokio::test]
async fn a_schema_that_takes_for_ever_refuses_the_build_that_brings_it() {
    let strategies = [Arc::new(strategy("own", json!({})))];
    let (source, trust) = (source("own", &builds::misfit("branch-in-schema")), Trust::default());
    let refusal = narrow().load_for(&source, GenerationNumber(1), &trust, &strategies).await;
    let refusal = refusal.expect_err("2^40 answers");
    assert_eq!(refusal.stage, LoadStage::Settings, "{refusal}");
    assert!(refusal.message.contains("computing time"), "{refusal}");
    assert!(refusal.hint.contains("settings-schema"), "{refusal}");
    assert!(!refusal.is_passing, "it would be so the next time");
}

#[tokio::test]
async fn a_hundred_mutations_end_as_accepted_or_refused_while_a_daemon_ticks() {
    let engine = narrow();
    let mut random = StdRng::seed_from_u64(SEED);
    let mut seeds: Vec<Vec<u8>> = exhausting().into_iter().map(|(_, bytes)| bytes).collect();
    seeds.extend([builds::built_in("daily"), builds::built_in("brief"), builds::misfit("nothing")]);
    seeds.push(include_bytes!(concat!(env!("OUT_DIR"), "/relic.wasm")).to_vec());
    let (_daemon, ticks) = ticking().await;
    let (before, mut most) = (resident(), 0);
    let mut ends = [0, 0];
    for number in 0..100 {
        let mut bytes = seeds[number % seeds.len()].clone();
        let other = &seeds[random.random_range(0..seeds.len())];
        let damage = mutate(&mut bytes, other, &mut random);
        match load(&engine, &bytes).await {
            Ok(_) => ends[0] += 1,
            Err(refusal) => {
                ends[1] += 1;
                let whole = !refusal.message.is_empty() && !refusal.hint.is_empty();
                assert!(whole, "seed {SEED}, {number}, {damage}: {refusal}");
            }
        }
        most = most.max(resident());
        assert!(ticks.longest() < STANDS_STILL, "seed {SEED}, {number}, {damage}: {ticks:?}");
        assert!(most < before + GROWTH, "seed {SEED}, {number}, {damage}: {before} MiB, then {most}");
    }
    println!("{} accepted, {} refused; {before} MiB, {most} at most; {ticks:?}", ends[0], ends[1]);
    assert_eq!(engine.generations(), 0, "nothing is left of any of them");
}

/// One or two changes: bits turned over (mostly), a piece left out, doubled, or taken from another file.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut StdRng) -> String {
    let mut damage = String::new();
    for _ in 0..random.random_range(1..3) {
        let at = random.random_range(8..bytes.len());
        let end = (at + random.random_range(1..64)).min(bytes.len());
        let kind = random.random_range(0..6);
        match kind {
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            0 => {
                let from = random.random_range(0..other.len());
                let piece = other[from..(from + end - at).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
            _ => bytes[at] ^= 1 << random.random_range(0..8),
        }
        damage += &format!("{kind} at {at}..{end}, ");
    }
    damage
}

#[tokio::test]
async fn whatever_a_child_dies_of_is_told_in_words() {
    for (does, says, is_passing) in [
        ("kill -SEGV $$", "reading it ended by signal 11", false),
        ("printf '.\\001'; kill -SEGV $$", "compiling it ended by signal 11", false),
        ("printf '.\\001'; kill -XCPU $$", "compiling it takes more than 20 s of computing time", false),
        (
            "printf '.\\004'; kill -XCPU $$",
            "checking settings by its schema takes too much computing time",
            false,
        ),
        ("kill -KILL $$", "ended by signal 9", true),
        (
            "echo 'memory allocation of 64 bytes failed' >&2; kill -ABRT $$",
            "reading it takes more than 1024 MiB of memory",
            false,
        ),
        (
            "echo \"thread 'x' has overflowed its stack\" >&2; kill -ABRT $$",
            "it nests too deep: reading it overflows the stack",
            false,
        ),
        (
            "echo 'thread panicked at x' >&2; exit 101",
            "a bug in wasmtime, not necessarily in the plugin",
            false,
        ),
        ("exit 3", "ended without an answer", false),
        ("echo hello", "ended without an answer", false),
        ("printf '=\\377\\377\\377\\377\\377\\377\\377\\377'; cat /dev/zero", "ended", false),
    ] {
        let refusal = refused_by(does, ProofLimits::default()).await;
        assert!(refusal.message.contains(says), "{does}: {refusal}");
        assert_eq!(refusal.is_passing, is_passing, "{does}: {refusal}");
    }
    let prover = Some(PathBuf::from("/nowhere/persona-host"));
    let engine = Engine::new(&EngineOptions { prover, ..EngineOptions::default() }).unwrap();
    let refusal = load(&engine, &builds::good(1)).await.expect_err("there is no such program");
    assert!(refusal.message.contains("cannot be started") && refusal.is_passing, "{refusal}");
}

/// What a build is refused with when its child does this.
async fn refused_by(does: &str, proof: ProofLimits) -> Refusal {
    let folder = tempfile::tempdir().unwrap();
    let prover = Some(instead(folder.path(), does));
    let engine = Engine::new(&EngineOptions { prover, proof, ..EngineOptions::default() }).unwrap();
    within_reason(load(&engine, &builds::good(1))).await.expect_err(does)
}

#[tokio::test]
async fn a_child_that_does_not_end_is_given_up_whatever_it_says_meanwhile() {
    let (time, patience) = (Duration::from_millis(200), Duration::ZERO);
    for does in [
        "exec sleep 1000",
        "exec cat /dev/zero >&2",
        "echo no >&2; exec sleep 1000",
        "exec sleep 1000 >&- 2>&-",
        "printf '='; exec sleep 1000 >&- 2>&-",
    ] {
        let refusal = refused_by(does, ProofLimits { time, patience, ..ProofLimits::default() }).await;
        assert!(refusal.message.contains("reading it was not done after"), "{does}: {refusal}");
        assert!(refusal.is_passing, "{does}: {refusal}");
    }
}

#[tokio::test]
async fn a_child_that_nobody_waits_for_is_killed_and_gives_its_place_back() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let does = format!("echo $$ >> {}\nexec sleep 1000", pids.display());
    let prover = Some(instead(folder.path(), &does));
    let engine = Engine::new(&EngineOptions { prover, ..EngineOptions::default() }).unwrap();
    let started = async || {
        let text = tokio::fs::read_to_string(&pids).await.unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    // More than there are places for, one after the other.
    for number in 1..=8 {
        let engine = engine.clone();
        let loading = tokio::spawn(async move { load(&engine, &builds::good(1)).await.map(drop) });
        eventually(async || started().await.len() >= number).await;
        loading.abort();
        loading.await.expect_err("nobody waits for it");
    }
    for pid in started().await {
        let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        eventually(async || state().is_empty() || state().contains(") Z ")).await;
    }
}

#[tokio::test]
async fn what_a_plugin_says_is_one_line_that_runs_one_way() {
    let generation = load(&narrow(), &builds::misfit("turn-text")).await.unwrap();
    let described = generation.descriptor();
    assert_eq!(described.version, "1.0\u{fffd}0.9");
    assert_eq!(described.summary, "fine fix: nothing\u{fffd}");
}

#[tokio::test]
async fn a_refusal_is_short_however_much_the_file_says() {
    let exports: String =
        (0..20_000).map(|number| format!("(export \"own:odd/thing{number}\" (instance $i))")).collect();
    let bytes = hostile::component(&format!("(instance $i) {exports}"));
    let refusal = load(&narrow(), &bytes).await.expect_err("it is no plugin");
    assert_eq!(refusal.stage, LoadStage::Contract);
    assert!(refusal.to_string().len() < 5000, "{} bytes", refusal.to_string().len());
}
