//! `plugin list`, `rollback`, `replay` and `dev`, beside a persona-host that runs.

use domain::ids::Sha256Hex;
use serde_json::Value;

use super::plugin::workshop;
use super::{Running, Shell, stack};
use crate::support::builds::{built_in, good, misfit, numbered, renamed};

/// A daemon on a free port with the plugin `own`, and where it answers.
fn daemon(shell: &Shell) -> (Running, String) {
    daemon_with(shell, "")
}

/// The same with this in its configuration.
fn daemon_with(shell: &Shell, more: &str) -> (Running, String) {
    let own = "[http]\nport = 0\n[strategies.own]\nplugin = \"own\"\n[routing]\ndefault = \"own\"\n";
    shell.write("persona-host.toml", format!("{own}{more}"));
    let mut daemon = shell.start("run --json");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    (daemon, format!("--url http://{address}"))
}

/// The plugin `own` among those that are listed.
fn own(shell: &Shell, url: &str) -> Value {
    let document = shell.document(&format!("plugin list {url}"), 0);
    document["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == "own").unwrap().clone()
}

#[test]
fn what_is_saved_goes_live_is_listed_and_can_be_rolled_back() {
    let shell = Shell::new();
    shell.write("plugins/own.wasm", good(1));
    let (mut daemon, url) = daemon(&shell);
    assert_eq!(own(&shell, &url)["serving"], 1);

    // Nobody is asked to reload: the daemon hears that the file was saved.
    shell.write("plugins/own.wasm", good(2));
    let loaded = daemon.logged("plugin loaded");
    assert_eq!((&loaded["plugin"], &loaded["generation"]), (&"own".into(), &2.into()));

    shell.write("plugins/own.wasm", "oops");
    assert_eq!(daemon.logged("plugin refused")["still_serving"], "0.1.0, generation 2");
    let list = shell.call(&format!("plugin list {url}"));
    assert_eq!(list.code, Some(0), "{list:?}");
    for words in [
        "own",
        "serving",
        "0.1.0",
        "own has a build that was refused: stage contract: it is text",
        "fix: build",
    ] {
        assert!(list.stdout.contains(words), "{words:?} in {}", list.stdout);
    }

    let said = shell.call(&format!("plugin rollback own {url}"));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.starts_with("0.1.0 serves again as generation 4 of own"), "{}", said.stdout);
    let error = shell.error(&format!("plugin rollback own {url}"), 100);
    assert_eq!(error["message"], "there is no earlier build of \"own\" to go back to");
    assert_eq!(daemon.terminate().code(), Some(0));
}

#[test]
fn a_rollback_during_a_trial_names_the_build_that_serves() {
    let shell = Shell::new();
    shell.write("plugins/own.wasm", good(1));
    let (mut daemon, url) = daemon_with(&shell, "[plugins]\ncanary = { share = 0.5, clean_turns = 10 }\n");
    shell.write("plugins/own.wasm", good(2));
    assert_eq!(daemon.logged("plugin loaded")["on_trial"], true);
    let said = shell.call(&format!("plugin rollback own {url}"));
    let serves = Sha256Hex::of(&good(1));
    let expected = format!("0.1.0 serves again as generation 1 of own (sha256 {})\n", &serves.as_str()[..12]);
    assert!(said.stdout.starts_with(&expected), "{}", said.stdout);
    assert_eq!(daemon.terminate().code(), Some(0));
}

#[test]
fn without_a_daemon_the_commands_say_where_they_looked() {
    let shell = Shell::new();
    for line in ["plugin list", "plugin rollback own"] {
        let error = shell.error(&format!("{line} --url http://127.0.0.1:9"), 69);
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("no persona-host answers at http://127.0.0.1:9: "), "{message}");
        assert!(error["hint"].as_str().unwrap().contains("persona-host run"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_asked_what_it_would_have_asked_and_read_in_turns_of_the_past() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", super::catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    let brief = built_in("brief");
    shell.write("plugins/own.wasm", &brief);
    let own = "[strategies.own]\nplugin = \"own\"\n[routing]\ndefault = \"own\"\n";
    shell.write("persona-host.toml", own);
    shell.document("tick", 0);

    shell.write("own.wasm", numbered(&brief, 1));
    let said = shell.call("plugin replay own.wasm");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.ends_with("2 turns: the same in 2, worse in none\n"), "{}", said.stdout);

    // Another sentence is a difference, and no harm.
    shell.write("own.wasm", renamed(&brief, "then stop and say", "then rest and say"));
    let said = shell.call("plugin replay own.wasm");
    assert_eq!(said.code, Some(0), "{said:?}");
    for words in ["≠ ", "- It is ", "+ It is ", "then rest and say", "the same in 0, worse in none"] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }

    shell.write("own.wasm", misfit("panic-in-parse"));
    let document = shell.document("plugin replay own.wasm --turns 1", 100);
    assert_eq!((&document["worse"], document["turns"].as_array().unwrap().len()), (&1.into(), 1));
    let worse = document["turns"][0]["worse"].as_str().unwrap();
    assert!(worse.contains("parse-rating: the plugin broke down"), "{worse}");
    let checked = shell.document("plugin check own.wasm", 65);
    let replay = checked["findings"].as_array().unwrap().iter().find(|finding| finding["name"] == "replay");
    assert_eq!(replay.unwrap()["verdict"], "refused", "{checked:#}");

    let error = shell.error("plugin replay own.wasm --strategy weekly", 2);
    assert!(error["message"].as_str().unwrap().contains("there are: own"), "{error}");
    let error = shell.error("plugin replay own.wasm --strategy brief", 100);
    assert!(error["message"].as_str().unwrap().contains("holds no turn under brief"), "{error}");
    stack.stop().await;
}

#[test]
fn dev_builds_at_each_save_shows_what_changed_and_loads_it_into_a_demo() {
    if peers::node::are_skipped() {
        return;
    }
    let shell = workshop();
    shell.document("plugin new mood --lang js", 0);
    let mut dev = shell.start("plugin dev mood --demo --json");
    let documents = serde_json::Deserializer::from_reader(&mut dev.stdout).into_iter::<Value>();
    let mut documents = documents.map(|document| document.expect("a document for each build"));
    let first = documents.next().expect("one at the start");
    assert_eq!((&first["host"]["result"], &first["changes"]), (&"live".into(), &Value::Null), "{first:#}");

    let source = std::fs::read_to_string(shell.path("mood/src/plugin.js")).unwrap();
    shell.write("mood/src/plugin.js", source.replace("then stop and say", "then rest and say"));
    let second = documents.next().expect("one for the save");
    assert_eq!(second["host"]["result"], "live", "{second:#}");
    let changes: Vec<&str> = second["changes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        changes.iter().any(|line| line.starts_with('+') && line.contains("then rest and say")),
        "{changes:?}"
    );
    assert!(
        changes.iter().any(|line| line.starts_with('-') && line.contains("then stop and say")),
        "{changes:?}"
    );

    // A mistake is told, and the next save goes on from what was shown last.
    shell.write("mood/src/plugin.js", "export const behavior = {");
    let told = documents.next().expect("one for the mistake");
    assert_eq!((&told["ok"], &told["error"]["code"]), (&false.into(), &"build-failed".into()), "{told:#}");
    shell.write("mood/src/plugin.js", &source);
    let third = documents.next().expect("one for the next save");
    assert!(!third["changes"].as_array().unwrap().is_empty(), "{third:#}");
    drop(documents);
    assert_eq!(dev.interrupt().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn however_dev_ends_while_its_demo_starts_none_is_left() {
    if peers::node::are_skipped() {
        return;
    }
    let shell = workshop();
    shell.document("plugin new mood --lang js", 0);
    for (signal, code) in [("-TERM", Some(0)), ("-KILL", None)] {
        let log = shell.path("mood/dist/demo/log");
        let _ = std::fs::remove_file(&log);
        let dev = shell.start("plugin dev mood --demo --json");
        // It is made for the demo, just before that is started.
        let demo = loop {
            match demo_of(dev.id()).filter(|_| log.exists()) {
                Some(demo) => break demo,
                None => std::thread::yield_now(),
            }
        };
        assert_eq!(dev.signal(signal).code(), code);
        while std::path::Path::new("/proc").join(&demo).join("exe").read_link().is_ok() {
            std::thread::yield_now();
        }
    }
}

/// The demo among the children of a process.
#[cfg(target_os = "linux")]
fn demo_of(pid: u32) -> Option<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let children = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<String> =
        children.flat_map(|pids| pids.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    children.into_iter().find(|child| {
        let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(1) == Some(b"demo")
    })
}
