//! Builds that are made to harm: the loop keeps its ticks, what served serves on, and the message says which
//! plugin, at which stage, why, and what to do.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::pin::pin;
use std::process::Command;

use domain::event::Event;
use domain::ids::{PluginName, Sha256Hex};
use domain::turn_end::TurnEnd;
use futures_util::FutureExt as _;
use persona_host::behavior::LoadStage;
use persona_host::reload::ReloadError;
use persona_host::runner::{PluginChange, Runner};

use crate::support::builds::{built_in, good};
use crate::support::hostile::{self, FUNCTIONS, at_start, endless, plugin, written};
use crate::support::house::{Blueprint, Lively, eventually, next, obeys, within_reason};
use crate::support::prover::{PROVER, instead};

/// The largest file that is read.
const MOST: u64 = 32 << 20;

/// A house whose loop ticks fast, and looks at once at what is saved.
async fn lively() -> Lively {
    let house = Blueprint::of(&["Anna"])
        .own_plugin(good(1))
        .config(|config| {
            config.runner.tick_interval = std::time::Duration::from_millis(20);
            config.plugins.debounce = std::time::Duration::from_millis(20);
        })
        .build()
        .await;
    let mut lively = house.lively(true).await;
    a_turn_completes(&mut lively).await;
    lively
}

async fn a_turn_completes(lively: &mut Lively) {
    let completed = |event: &Event| match event {
        Event::TurnEnded { outcome, .. } => Some(outcome.clone()),
        _ => None,
    };
    assert_eq!(next(&mut lively.events, completed).await, TurnEnd::Completed);
}

async fn a_tick_ends(lively: &mut Lively) {
    next(&mut lively.events, |event| matches!(event, Event::TickEnded { .. }).then_some(())).await;
}

/// What is told of the build that was just saved; there is a tick after it, and the first build serves.
async fn refusal(lively: &mut Lively, stage: LoadStage) -> String {
    let told = next(&mut lively.events, |event| match event {
        Event::PluginRefused { .. } | Event::PluginLoaded { .. } => Some(event.clone()),
        _ => None,
    });
    let Event::PluginRefused { plugin, stage: told_stage, cause, hint, still_serving } = told.await else {
        panic!("it was loaded")
    };
    assert_eq!(told_stage, stage.name(), "{cause}");
    assert_eq!(still_serving.as_deref(), Some("0.1.0, generation 1"));
    a_tick_ends(lively).await;
    format!("{plugin}, stage {told_stage}\n  {}\n  fix: {hint}\n", cause.replace('\n', "\n  "))
}

fn snapshot(name: &str, told: &str) {
    insta::with_settings!({ filters => vec![
        (r"at byte \d+ of \d+", "at byte [n] of [n]"),
        (r"\(at offset 0x[0-9a-f]+\)", "(at offset [n])"),
        (r"(?m)^  it was in:\n(    .*\n)*", "  it was in: [functions]\n"),
    ] }, { insta::assert_snapshot!(name, told) });
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_component_does_when_it_is_started_it_is_refused_and_the_ticks_go_on() {
    let mut lively = lively().await;
    let log = |items: &str| format!(r#"(import "persona:behavior/log@0.1.0" (instance {items}))"#);
    let eat =
        "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 256)) (i32.const -1)))) unreachable";
    let not_an_instance = r#"(core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "persona:behavior/behavior@0.1.0") (canon lift (core func $i "f")))"#;
    let crowd = "(core instance (instantiate $e))".repeat(600);
    let crowd = format!(
        "(component $c (core module $e) {crowd}) (instance (instantiate $c)) (instance (instantiate $c))"
    );
    let mut told = String::new();
    for (what, bytes, stage) in [
        ("an endless loop", plugin(&endless()), LoadStage::Describe),
        ("a trap", plugin(&at_start("unreachable")), LoadStage::Describe),
        ("an endless recursion", plugin(&at_start("(call $start)")), LoadStage::Describe),
        ("eats memory", plugin(&at_start(eat)), LoadStage::Describe),
        ("is born with 4 GiB", plugin("(memory 65536)"), LoadStage::Describe),
        (
            "is born with a table of a hundred million",
            plugin("(table 100000000 funcref)"),
            LoadStage::Describe,
        ),
        ("leaves at once", hostile::leaving(), LoadStage::Describe),
        ("more than a thousand instances", written(&crowd, "", &FUNCTIONS), LoadStage::Describe),
        ("starts well, and has no type right", plugin(""), LoadStage::Describe),
        ("one function is missing", written("", "", &FUNCTIONS[..4]), LoadStage::Link),
        ("the name of the interface, and a function", hostile::component(not_an_instance), LoadStage::Link),
        (
            "an import with another type",
            written(&log(r#"(export "write" (func (param "message" string)))"#), "", &FUNCTIONS),
            LoadStage::Link,
        ),
        (
            "an import that our interface does not have",
            written(&log(r#"(export "flush" (func))"#), "", &FUNCTIONS),
            LoadStage::Link,
        ),
        (
            "an import that WASI does not have",
            written(
                r#"(import "wasi:cli/environment@0.2.6" (instance (export "get-secrets" (func (result string)))))"#,
                "",
                &FUNCTIONS,
            ),
            LoadStage::Link,
        ),
        ("real machine code", machine_code(), LoadStage::Contract),
        ("a file of the code cache", cached_code(&lively), LoadStage::Contract),
    ] {
        println!("{what}");
        lively.house.save(&bytes);
        told += &format!("{what}: {}", refusal(&mut lively, stage).await);
    }
    snapshot("components", &told);
    lively.house.later(chrono::TimeDelta::days(1));
    a_turn_completes(&mut lively).await;
    assert_eq!(lively.house.turns("Anna").await[0].summary.generation, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_has_the_name_of_a_plugin_s_file_nobody_waits_for_it() {
    let mut lively = lively().await;
    let sparse = |file: &Path, length: u64| std::fs::File::create(file).unwrap().set_len(length).unwrap();
    let dir = lively.house.config.plugins.dir.clone();
    let [file, beside] = ["own.wasm", "own.new"].map(|name| dir.join(name));
    let own = PluginName::new("own");
    let mut told = String::new();
    for (what, make, stage) in [
        ("the largest size", &(|| sparse(&beside, MOST)) as &dyn Fn(), LoadStage::Contract),
        ("one byte more", &|| sparse(&beside, MOST + 1), LoadStage::Read),
        ("a terabyte of nothing", &|| sparse(&beside, 1 << 40), LoadStage::Read),
        ("a pipe", &|| pipe(&beside), LoadStage::Read),
        ("a device that never ends", &|| symlink("/dev/zero", &beside).unwrap(), LoadStage::Read),
        ("a folder", &|| std::fs::create_dir(&beside).unwrap(), LoadStage::Read),
    ] {
        println!("{what}");
        std::fs::remove_file(&file).unwrap();
        make();
        std::fs::rename(&beside, &file).unwrap();
        // Asked for, because the same words are told once only.
        let Err(ReloadError::Refused(refusal)) =
            within_reason(lively.house.runner.reloader().reload(&own)).await
        else {
            panic!("{what} was loaded")
        };
        assert_eq!((refusal.stage, refusal.still_serving.as_deref()), (stage, Some("0.1.0, generation 1")));
        told +=
            &format!("{what}: {}", refusal.to_string().replace(dir.to_str().unwrap(), "[plugins]") + "\n");
        a_tick_ends(&mut lively).await;
    }
    snapshot("files", &told);
    std::fs::remove_dir(&file).unwrap();
    symlink("own.wasm", &file).unwrap();
    // A link to itself is as good as no file.
    within_reason(lively.house.runner.reloader().reload(&own)).await.unwrap();
    assert!(lively.house.own().orphaned);
    lively.house.save(&good(2));
    let loaded = next(&mut lively.events, |event| match event {
        Event::PluginLoaded { sha256, .. } => Some(sha256.clone()),
        _ => None,
    });
    assert_eq!(loaded.await, Sha256Hex::of(&good(2)), "a good file after all that is loaded");
}

/// A component that wasmtime has compiled, as somebody would make it to start faster.
fn machine_code() -> Vec<u8> {
    wasmtime::Engine::default().precompile_component(&built_in("brief")).unwrap()
}

/// What the host itself keeps of a component that it has compiled.
fn cached_code(lively: &Lively) -> Vec<u8> {
    let mut folders = vec![lively.house.config.plugins.cache_dir.clone().unwrap()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "proof") {
                return std::fs::read(path).unwrap();
            }
        }
    }
    panic!("there is compiled code")
}

fn pipe(file: &Path) {
    assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_never_shows_itself_keeps_nobody_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    // The first build is proven as usual; the next child never answers.
    let program = format!(
        "[ -e {armed} ] && {{ echo $$ > {pid}; exec sleep 1000; }}\nexec {PROVER} \"$@\"",
        armed = folder.path().join("armed").display(),
        pid = pid.display(),
    );
    let own = instead(folder.path(), &program);
    let house = Blueprint::of(&["Anna"])
        .own_plugin(good(1))
        .config(move |config| {
            config.plugins.prover = Some(own);
            // Nothing is known of any build.
            config.plugins.cache_dir = None;
        })
        .build()
        .await;
    std::fs::write(folder.path().join("armed"), "").unwrap();
    let (remote, commands) = Runner::door();
    let serving = tokio::spawn(house.runner.clone().serve(commands, false));
    obeys(&remote).await;
    house.save(&built_in("brief"));
    let reloader = house.runner.reloader().clone();
    let loading = tokio::spawn(async move { reloader.rescan().await });
    eventually(async || pid.exists()).await;
    assert!(!loading.is_finished());

    assert_eq!(house.tick().await.ran_successfully, 1, "turns go on meanwhile");
    let own = PluginName::new("own");
    let mut asked = pin!(remote.change_plugin(own, PluginChange::Reload));
    assert!((&mut asked).now_or_never().is_none(), "it waits for its turn");
    // What was asked before this was heard before this.
    obeys(&remote).await;
    house.runner.deps().stop.cancel();
    assert_eq!(within_reason(asked).await, None, "and hears of the end");
    within_reason(serving).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_never_shows_itself_keeps_nobody_from_hearing_of_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let [armed, begun] = ["armed", "begun"].map(|name| folder.path().join(name));
    let program = format!(
        "[ -e {armed} ] && mv {armed} {begun} && exec sleep 1000\nexec {PROVER} \"$@\"",
        armed = armed.display(),
        begun = begun.display(),
    );
    let prover = instead(folder.path(), &program);
    let house = Blueprint::of(&[]).own_plugin(good(1)).config(move |config| {
        config.plugins.prover = Some(prover);
        config.plugins.cache_dir = None;
        config.plugins.debounce = std::time::Duration::from_millis(20);
    });
    let mut lively = house.build().await.lively(false).await;
    std::fs::write(&armed, "").unwrap();
    lively.house.save(&good(2));
    eventually(async || begun.exists()).await;
    // Somebody may still be writing this one: it is told when it is settled.
    std::fs::write(lively.house.config.plugins.dir.join("brief.wasm"), "oops").unwrap();
    let refused = next(&mut lively.events, |event| match event {
        Event::PluginRefused { plugin, .. } => Some(plugin.clone()),
        _ => None,
    });
    assert_eq!(refused.await.as_str(), "brief");
}
