//! `demo`: everything with one command.

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::Shell;

#[test]
fn one_command_shows_ten_personas_who_act_and_rate_under_two_strategies() {
    let shell = Shell::new().with("PERSONA_CONCURRENCY", "4");
    let document = shell.document("demo --once", 0);
    assert_eq!((&document["due"], &document["ranSuccessfully"]), (&10.into(), &10.into()), "{document}");
    assert_eq!(document["failed"], serde_json::json!([]));
    assert!(document["durationMs"].as_u64().is_some_and(|ms| ms > 0), "{document}");

    let personas = document["personas"].as_array().unwrap();
    assert_eq!(personas.len(), 10);
    for persona in personas {
        let actions = persona["actions"].as_array().unwrap();
        let ratings = persona["ratings"].as_array().unwrap();
        assert_eq!(persona["state"], "completed", "{persona}");
        assert!(!actions.is_empty() && !ratings.is_empty(), "{persona}");
        for action in actions {
            assert!(action["tool"].as_str().unwrap().contains('.'), "tools are recorded dotted: {action}");
        }
        for rating in ratings {
            let module = rating["module"].as_str().unwrap();
            let used = |action: &serde_json::Value| action["tool"].as_str().unwrap().starts_with(module);
            assert!(actions.iter().any(used), "{module} was rated and not used: {persona}");
        }
    }
    let mut strategies: Vec<&str> =
        personas.iter().map(|persona| persona["strategy"].as_str().unwrap()).collect();
    strategies.sort_unstable();
    strategies.dedup();
    assert_eq!(strategies, ["brief", "daily"]);

    the_rows_can_be_looked_at(&shell, personas);
    let (files, open) = shell.below("persona-host-demo");
    for name in ["ledger.db", "ledger.db.lock", "mana.db"] {
        assert!(files.iter().any(|file| file.ends_with(name)), "{name} in {files:?}");
    }
    assert!(open.is_empty(), "others may look into {open:?}");
    everybody_has_signed_out(&shell);
}

/// The stand-ins' database of the demo has no session left.
#[tokio::main(flavor = "current_thread")]
async fn everybody_has_signed_out(shell: &Shell) {
    let folder = std::fs::read_dir(shell.path("persona-host-demo")).unwrap().next().unwrap().unwrap();
    let mut database =
        SqliteConnectOptions::new().filename(folder.path().join("mana.db")).connect().await.unwrap();
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sessions").fetch_one(&mut database).await.unwrap();
    assert_eq!(left, 0);
}

/// `turns list` and `turns show` on the ledger of the demo.
fn the_rows_can_be_looked_at(shell: &Shell, personas: &[serde_json::Value]) {
    let folders: Vec<_> = std::fs::read_dir(shell.path("persona-host-demo")).unwrap().collect();
    assert_eq!(folders.len(), 1, "each demo has a folder of its own");
    let ledger = folders[0].as_ref().unwrap().path().join("ledger.db");
    let ledger = ledger.display();

    let turns = shell.document(&format!("turns list --ledger {ledger}"), 0);
    assert_eq!(turns.as_array().unwrap().len(), 10);
    let anna = shell.document(&format!("turns list --persona persona.anna@mana.test --ledger {ledger}"), 0);
    assert_eq!(anna.as_array().unwrap().len(), 1);
    let faulted = shell.call(&format!("turns list --state faulted --ledger {ledger}"));
    assert_eq!((faulted.code, faulted.stdout.as_str()), (Some(0), "no such turns yet\n"));
    let list = shell.call(&format!("turns list --ledger {ledger}")).stdout;
    assert_eq!(list.lines().count(), 11, "a heading and a line each:\n{list}");

    for persona in personas {
        let id = persona["turn"].as_str().unwrap();
        let shown = shell.call(&format!("turns show {} --ledger {ledger}", &id[..8]));
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert!(shown.stdout.starts_with(&format!("turn {id}\n")), "{}", shown.stdout);
        for action in persona["actions"].as_array().unwrap() {
            let call = format!("→ {} {{", action["tool"].as_str().unwrap());
            assert!(shown.stdout.contains(&call), "{call} in:\n{}", shown.stdout);
        }
        for part in ["main phase", "round 1", "rating phase", "ratings", "claude-haiku-5-5", "$0.0"] {
            assert!(shown.stdout.contains(part), "{part} in:\n{}", shown.stdout);
        }
    }
}

#[test]
fn the_demo_tells_people_what_happens_and_where_the_rows_are() {
    let said = Shell::new().with("PERSONA_CONCURRENCY", "10").call("demo --once");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.starts_with("persona-host demo, "), "{}", said.stderr);
    for words in [
        "mana-auth and mana-mcp are stand-ins on this machine",
        "Claude is a scripted stand-in: nothing is paid",
        "ledger.db is our ledger",
        concat!("next: ", env!("CARGO_BIN_EXE_persona-host"), " turns show "),
    ] {
        assert!(said.stderr.contains(words), "{words:?} in:\n{}", said.stderr);
    }
    // Its line comes and goes on terminals (manners.rs), and its row stays.
    assert!(!said.stderr.contains("✓ persona."), "{}", said.stderr);
    assert!(said.stdout.contains("\npersona.anna@mana.test "), "{}", said.stdout);
    assert!(said.stdout.contains("\n10 of 10 personas ran, 0 failed: "), "{}", said.stdout);
    for stream in [&said.stdout, &said.stderr] {
        assert!(!stream.contains('\u{1b}'), "there are no colors in a file:\n{stream}");
    }
}

/// The start looks for turns that go on: that is no tick, and turns no day.
#[test]
fn a_demo_that_goes_on_begins_with_its_first_day_and_names_its_page() {
    let shell = Shell::new().with("PERSONA_CONCURRENCY", "10").with("TICK_INTERVAL_MS", "600000");
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let mut demo = shell.start("demo");
    let told = demo.said("Ctrl-C ends it");
    assert!(told.contains("  look at http://127.0.0.1:"), "{told}");
    let told = demo.said("the next tick is on");
    assert!(told.contains("10 of 10 ran"), "{told}");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let shell = Shell::new();
    let mut command = shell.command("config show");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
