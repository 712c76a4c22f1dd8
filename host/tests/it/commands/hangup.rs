//! SIGHUP, as a person with an editor and `kill -HUP` meets it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Running, Shell, stack};
use crate::support::http::client;

const BEFORE: &str =
    "[http]\nport = 0\n[runner]\nconcurrency = 2\ntick_interval = \"1h\"\n[budget]\nday = 1.0\n";

/// Has the daemon read its configuration anew; gives what it says of each key that has changed.
fn reread(daemon: &mut Running) -> (BTreeMap<String, String>, Value) {
    daemon.send("-HUP");
    let mut keys = BTreeMap::new();
    loop {
        let line = daemon.log_line();
        match line["message"].as_str().unwrap() {
            "changed" | "this change needs a restart" => {
                let key = line["key"].as_str().unwrap().to_owned();
                assert!(line["before"] != line["after"], "{line}");
                keys.insert(key, line["message"].as_str().unwrap().to_owned());
            }
            said if said.starts_with("the configuration ") => return (keys, line),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_change_is_taken_over_and_of_all_else_it_is_said_that_it_needs_a_restart() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("persona-host.toml", BEFORE);
    let mut daemon = shell.start("run --json");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let (keys, last) = reread(&mut daemon);
    assert_eq!((keys.len(), last["level"].as_str()), (0, Some("INFO")), "{last}");

    let after = "[http]\nport = 0\nrequire_token = true\n[runner]\nconcurrency = 3\ntick_interval = \"2h\"\n\
                 paused = true\nmax_rounds = 9\n[budget]\nday = 2.5\nturn = 0.5\n[store]\nkeep = \"8d\"\n";
    shell.write("persona-host.toml", after);
    let restart = ["http.require_token", "runner.max_rounds"];
    let taken = [
        "budget.day",
        "budget.turn",
        "runner.concurrency",
        "runner.paused",
        "runner.tick_interval",
        "store.keep",
    ];
    let (keys, last) = reread(&mut daemon);
    let with = |message: &str| {
        keys.iter().filter(|(_, own)| *own == message).map(|(key, _)| key.as_str()).collect::<Vec<_>>()
    };
    assert_eq!((with("changed"), with("this change needs a restart")), (taken.to_vec(), restart.to_vec()));
    assert_eq!((&last["changed"], &last["need_restart"]), (&6.into(), &2.into()), "{last}");
    check_changed(&address).await;

    // A file that is no good is told with its place, and changes nothing.
    for (broken, place) in [
        ("[runner]\nconcurrency = \"many\"\n", "persona-host.toml, line 2: "),
        ("[runner]\ntime_zone = \"Mars\"\n", "persona-host.toml, line 2: "),
        ("[runner\n", "persona-host.toml, line 1: "),
        ("[budget]\nday = 1.0\n[model]\nname = \"nobody-knows\"\n", "what the model nobody-knows costs"),
    ] {
        shell.write("persona-host.toml", broken);
        let (keys, last) = reread(&mut daemon);
        assert_eq!((keys.len(), last["level"].as_str()), (0, Some("ERROR")), "{last}");
        assert!(last["cause"].as_str().unwrap().contains(place), "{last}");
        check_changed(&address).await;
    }

    std::fs::remove_file(shell.path("persona-host.toml")).unwrap();
    let (keys, last) = reread(&mut daemon);
    assert_eq!((keys.len(), last["level"].as_str()), (0, Some("ERROR")), "{last}");
    assert!(last["cause"].as_str().unwrap().contains("persona-host.toml cannot be read"), "{last}");
    check_changed(&address).await;

    // So does a pipe, which says what is in it once: nobody waits for it.
    let pipe = std::process::Command::new("mkfifo").arg(shell.path("persona-host.toml")).status().unwrap();
    assert!(pipe.success());
    let (keys, last) = reread(&mut daemon);
    assert_eq!((keys.len(), last["level"].as_str()), (0, Some("ERROR")), "{last}");
    assert!(last["cause"].as_str().unwrap().contains("no file that can be read more than once"), "{last}");
    check_changed(&address).await;
    std::fs::remove_file(shell.path("persona-host.toml")).unwrap();

    // What needs a restart is said until there was one; the rest is as it is.
    shell.write("persona-host.toml", after);
    let (keys, _) = reread(&mut daemon);
    assert_eq!(keys.keys().collect::<Vec<_>>(), restart);
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}

async fn check_changed(address: &str) {
    let get = async |path: &str| {
        client().get(format!("http://{address}{path}")).send().await.unwrap().text().await.unwrap()
    };
    let health: Value = serde_json::from_str(&get("/health").await).unwrap();
    let told = (&health["tickIntervalMs"], &health["concurrency"], &health["paused"]);
    assert_eq!(told, (&7_200_000.into(), &3.into(), &true.into()), "{health}");
    let metrics = get("/metrics").await;
    let limit = r#"persona_budget_dollars{of="budget.day",kind="limit"} 2.5"#;
    assert!(metrics.lines().any(|line| line == limit), "{metrics}");
    assert!(metrics.lines().any(|line| line == "persona_paused 1"), "{metrics}");
}

#[test]
fn what_is_logged_can_be_changed_and_a_filter_that_is_none_is_refused() {
    let shell = Shell::new();
    let file = |filter: &str| format!("[http]\nport = 0\n[log]\nfilter = \"{filter}\"\n");
    shell.write("persona-host.toml", file("persona_host=warn"));
    let mut daemon = shell.start("run --json");
    daemon.logged("key missing: the loop is off; /health and /diag/login stay");
    daemon.logged("key missing: the loop is off; /health and /diag/login stay");
    shell.write("persona-host.toml", file("persona_host=info"));
    let (keys, last) = reread(&mut daemon);
    assert_eq!((keys.len(), &last["changed"]), (1, &1.into()), "{keys:?} {last}");
    shell.write("persona-host.toml", file("loud"));
    let (_, last) = reread(&mut daemon);
    assert!(last["cause"].as_str().unwrap().contains("log.filter must be levels by place"), "{last}");
    assert_eq!(daemon.terminate().code(), Some(0));
}
