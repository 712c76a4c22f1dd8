//! `turns replay` as it is typed: what it tells, with nobody there to be asked, and what it cannot replay.

use serde_json::{Value, json};

use super::{Shell, catalog, stack};
use crate::support::builds::misfit;
use crate::support::house::{House, figures, script};
use crate::support::meddling::meddle;

/// Strategies beside those that there always are.
const STRATEGIES: &str = r#"
[strategies.english]
plugin = "daily"
settings = { language = "en" }
[strategies.narrow]
plugin = "daily"
tools = { allow = ["todo.*", "notes.create", "mail.*"] }
[strategies.odd]
plugin = "odd"
"#;

/// A ledger in which Anna has had a turn under `daily`, and neighbours that are gone.
async fn afterwards() -> (Shell, String) {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna"]));
    shell.write("persona-host.toml", STRATEGIES);
    shell.write("plugins/odd.wasm", misfit("skip"));
    shell.document("seed --catalog catalog.json", 0);
    shell.document("tick", 0);
    stack.stop().await;
    let turns = shell.document("turns list", 0);
    let id = turns[0]["id"].as_str().unwrap().to_owned();
    (shell, id)
}

/// What is the same each time: digests are of builds, and a turn's id is of its ledger.
fn steady(told: &str, id: &str) -> String {
    let told = told.replace(id, "TURN");
    let is_digest = |word: &str| word.len() >= 12 && word.bytes().all(|own| own.is_ascii_hexdigit());
    let words = told.split_inclusive(|own: char| !own.is_ascii_alphanumeric());
    let plain = |word: &str| {
        let end = word.trim_end_matches(|own: char| !own.is_ascii_alphanumeric()).len();
        if is_digest(&word[..end]) { format!("DIGEST{}", &word[end..]) } else { word.to_owned() }
    };
    words.map(plain).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_replayed_with_nobody_there_and_the_ledger_stays_as_it_is() {
    let house = House::scripted(&["Anna"], script(3, &[])).await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let (id, ledger) = (house.turn("Anna").await.summary.id, house.ledger_path().to_owned());
    house.ledger().close().await;
    house.stack.stop().await;
    let before = std::fs::read(&ledger).unwrap();
    let shell = Shell::new();
    shell.write("persona-host.toml", STRATEGIES);
    shell.write("plugins/odd.wasm", misfit("skip"));
    let line = |id: &str, more: &str| format!("turns replay {id} --ledger {} {more}", ledger.display());
    for (name, more, code) in [
        ("same", "", 0),
        ("english", "--strategy english", 100),
        ("narrow", "--strategy narrow", 100),
        ("odd", "--strategy odd", 100),
    ] {
        let said = shell.call(&line(&id[..8], more));
        assert_eq!((said.code, said.stderr.as_str()), (Some(code), ""), "{name}: {said:?}");
        insta::assert_snapshot!(name, steady(&said.stdout, &id));
    }
    let mut document = shell.document(&line(&id, "--strategy narrow"), 100);
    let began = document["then"]["startedAt"].take();
    assert!(began.as_str().unwrap().starts_with("2026-11-23T12:00:"), "{began}");
    insta::assert_snapshot!("document", steady(&format!("{document:#}"), &id));
    assert_eq!(std::fs::read(&ledger).unwrap(), before);
    assert_eq!(shell.files(), ["persona-host.toml", "plugins"], "nothing is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replayed_is_told_in_a_sentence() {
    let (shell, id) = afterwards().await;
    let error = shell.error(&format!("turns replay {id} --strategy dialy"), 2);
    let says = "there is no strategy \"dialy\" (there are: english, narrow, odd, daily, brief)";
    assert_eq!(error["message"], says);
    assert_eq!(shell.error("turns replay ffffffff", 100)["exit"], 100);

    let ledger = shell.path("persona-host.db");
    meddle(&ledger, "UPDATE turns SET strategy = 'gone'").await;
    let error = shell.error(&format!("turns replay {id}"), 100);
    assert_eq!(error["message"], "the strategy gone is not configured any more (the turn was under it)");
    assert!(
        error["hint"].as_str().unwrap().starts_with("name another one with --strategy (there are: english")
    );

    shell.write("plugins/odd.wasm", b"no component");
    let error = shell.error(&format!("turns replay {id} --strategy odd"), 65);
    assert!(error["message"].as_str().unwrap().contains("odd"), "{error}");

    for (meddling, code, says) in [
        ("state = 'running'", 75, "is under way"),
        ("state = 'faulted', parked_at = 1, fault_message = 'why'", 100, "is parked (why)"),
        ("state = 'completed', parked_at = NULL, pruned_at = 1", 100, "is gone since 1970-01-01"),
    ] {
        meddle(&ledger, &format!("UPDATE turns SET {meddling}")).await;
        let error = shell.error(&format!("turns replay {id}"), code);
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
        assert!(!error["hint"].is_null(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_a_daemon_holds_is_read_beside_it() {
    let (shell, id) = afterwards().await;
    shell.write("persona-host.toml", format!("[http]\nport = 0\n{STRATEGIES}"));
    let mut daemon = shell.start("run");
    daemon.logged("persona-host listens");
    assert_eq!(shell.document(&format!("turns replay {id}"), 0)["differs"], false);
    assert_eq!(daemon.terminate().code(), Some(0));
}

#[test]
fn a_turn_of_an_experiment_is_replayed_as_its_arm() {
    let shell = Shell::new();
    let plan = |strategy: &str| {
        let treatment = format!(
            "[[arms]]\nname = \"other\"\nstrategy = \"{strategy}\"\nsettings = {{ language = \"en\" }}"
        );
        format!(
            "key = \"e\"\nquestion = \"Which?\"\nblocks = 1\n[[arms]]\nname = \"control\"\nstrategy = \"brief\"\n{treatment}\n"
        )
    };
    shell.write("persona-host.toml", "[strategies.tried]\nplugin = \"daily\"\n");
    shell.write("e.toml", plan("tried"));
    let ran = shell.call("experiment run e.toml --stand-ins");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ledger = "--ledger persona-host-experiments/e/ledger.db";
    let turns = shell.document(&format!("turns list {ledger}"), 0);
    let tried = |turn: &&Value| turn["strategy"] == "tried";
    let id = turns.as_array().unwrap().iter().find(tried).unwrap()["id"].as_str().unwrap().to_owned();
    let told = shell.document(&format!("turns replay {id} {ledger}"), 0);
    assert_eq!((&told["then"]["arm"], &told["differs"]), (&json!("e/other"), &json!(false)), "{told:#}");
    assert_eq!(told["notes"], json!(["the kept replies are those of the scripted Claude, and no model's"]));

    let told = shell.document(&format!("turns replay {id} --strategy tried {ledger}"), 100);
    assert_eq!(
        told["course"]["parting"]["at"], "opening",
        "without the arm's settings it is another: {told:#}"
    );

    shell.write("persona-host.toml", "");
    let error = shell.error(&format!("turns replay {id} {ledger}"), 100);
    let says = "the strategy tried is not configured any more (the arm other of the experiment e plays it)";
    assert_eq!(error["message"], says);
}
