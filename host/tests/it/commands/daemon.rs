//! `run`: the daemon, from the outside.

use std::time::Duration;

use super::{Shell, stack};
use crate::support::http::client;

/// A port of its own each time.
const ANY_PORT: &str = "[http]\nport = 0\n";

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_the_daemon_warns_answers_and_stops_when_it_is_told_to() {
    let shell = Shell::new();
    shell.write("persona-host.toml", ANY_PORT);
    let mut daemon = shell.start("run");
    let missing: Vec<_> = (0..2)
        .map(|_| daemon.logged("key missing: the loop is off; /health and /diag/login stay")["key"].clone())
        .collect();
    assert_eq!(missing, ["MANA_SERVICE_KEY", "ANTHROPIC_API_KEY"]);
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let health = client().get(format!("http://{address}/health")).send().await.unwrap();
    assert_eq!(health.status(), 200);

    // Whoever holds the ledger is named, and it stays as it is.
    let stack = stack().await;
    let error = Shell { folder: shell.folder, ..Shell::beside(&stack) }.error("tick", 75);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("is in use by another persona-host: stop it first"), "{message}");

    assert_eq!(daemon.terminate().code(), Some(0));
    assert!(client().get(format!("http://{address}/health")).send().await.is_err());
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_a_tick_is_in_the_log_with_what_to_do() {
    let stack = stack().await;
    let shell = Shell::beside(&stack).with("MANA_SERVICE_KEY", "wrong").with("TICK_INTERVAL_MS", "50");
    shell.write("persona-host.toml", ANY_PORT);
    let mut daemon = shell.start("run --json");
    let line = tokio::time::timeout(
        Duration::from_secs(60),
        tokio::task::spawn_blocking(move || {
            let line = daemon.logged("tick failed; the next one tries again");
            (line, daemon)
        }),
    );
    let (line, daemon) = line.await.expect("a tick comes soon").unwrap();
    let hint = "MANA_SERVICE_KEY must be the one that mana-auth was started with.";
    assert_eq!(line["hint"], hint, "{line}");
    assert!(line["cause"].as_str().unwrap().starts_with("listDuePersonas failed: HTTP 401"), "{line}");
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}
