//! The program with its ledger in a PostgreSQL database.

use peers::postgres;
use serde_json::Value;

use super::{Shell, catalog, stack};
use crate::support::house::{eventually, within_reason};
use crate::support::http::client;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_a_server_is_run_on_looked_at_and_shown_without_its_password() {
    let Some(database) = postgres::database() else { return };
    let url = database.url().replace("postgres@localhost", "postgres:hunter2@localhost");
    let stack = stack().await;
    let shell = Shell::beside(&stack).with("PERSONA_STORE_URL", &url).with("TICK_INTERVAL_MS", "50");
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    shell.write("personas.json", catalog(&["anna"]));
    shell.document("seed --catalog personas.json", 0);
    let missing = shell.error("turns list", 74);
    assert!(
        missing["message"].as_str().unwrap().starts_with("there is no ledger at postgres://"),
        "{missing}"
    );
    shell.error("personas release persona.anna@mana.test", 74);

    let mut daemon = shell.start("run");
    daemon.logged("persona-host listens");
    let in_use = shell.error("tick", 75);
    assert!(in_use["message"].as_str().unwrap().contains("is in use by another persona-host"), "{in_use}");
    while shell.document("turns list --state completed", 0).as_array().unwrap().is_empty() {}
    assert_eq!(daemon.terminate().code(), Some(0));
    assert_eq!(shell.document("personas release persona.anna@mana.test", 0)["released"], 0);

    assert!(!shell.files().iter().any(|name| name.contains(".db")), "{:?}", shell.files());

    shell.write("url", &url);
    let file = shell.path("url").display().to_string();
    let shell = Shell::beside(&stack).with("PERSONA_STORE_URL_FILE", &file);
    for line in ["config show", "config show --json", "turns list", "turns list --json"] {
        let said = shell.call(line);
        assert_eq!(said.code, Some(0), "{line}: {said:?}");
        assert!(!format!("{said:?}").contains("hunter2"), "{line}: {said:?}");
    }
    assert!(shell.call("config show").stdout.contains("postgres://postgres:***@localhost/"));
    let nowhere = Shell::beside(&stack).with("PERSONA_STORE_URL", "postgres://anna:hunter2@127.0.0.1:1/mana");
    let refused = nowhere.error("run", 74);
    assert!(refused["hint"].as_str().unwrap().starts_with("is the server up"), "{refused}");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_is_told_of_and_keeps_no_daemon_from_stopping() {
    let Some(server) = postgres::server() else { return };
    let stack = stack().await;
    let shell = Shell::beside(&stack).with("PERSONA_STORE_URL", &server.database().url());
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let mut daemon = shell.start("run");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let ask = async |path: &str| {
        let answer = within_reason(client().get(format!("http://{address}{path}")).send()).await.unwrap();
        answer.json::<Value>().await.unwrap()
    };
    assert_eq!(ask("/health").await["status"], "ok");
    server.hang();
    eventually(async || ask("/health").await["status"] == "degraded").await;
    let told = ask("/api/personas").await;
    assert!(told["error"]["message"].as_str().unwrap().ends_with("the server does not answer"), "{told}");
    assert!(told["error"]["hint"].as_str().unwrap().contains("is it stopped"), "{told}");
    let ended = tokio::task::spawn_blocking(move || daemon.terminate());
    assert_eq!(within_reason(ended).await.unwrap().code(), Some(0));
    server.go_on();
    let mut daemon = shell.start("run");
    daemon.logged("persona-host listens");
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}
