//! `stack`, `seed`, `tick` and `personas list` against each other.

use std::io::BufRead as _;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use standin::mana_auth::Faults;

use super::{Running, Shell, catalog, stack};
use crate::support::http::Nobody;

/// Starts `stack`, and returns what a shell needs that has read its variables.
fn start_stack(shell: &Shell) -> (Running, Vec<(String, String)>) {
    std::fs::create_dir_all(shell.path("app")).unwrap();
    let mut stack = shell.start(
        "stack --auth-port 0 --mcp-port 0 --claude-port 0 --env-file variables --json --database-url sqlite:app/mana.db");
    let mut text = String::new();
    let document: Value = loop {
        let read = stack.stdout.read_line(&mut text).unwrap();
        assert!(read > 0, "stack ended: {text}");
        if let Ok(document) = serde_json::from_str(&text) {
            break document;
        }
    };
    let variables = document["data"].as_object().unwrap().iter();
    let variables = variables.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    (stack, variables.collect())
}

#[test]
fn a_stack_a_seed_and_a_tick_are_a_whole_town() {
    let mut shell = Shell::new();
    let (stack, variables) = start_stack(&shell);
    let file = std::fs::read_to_string(shell.path("variables")).unwrap();
    for file in ["variables", "app/mana.db", "app/mana.db-wal"] {
        let mode = shell.path(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "there are tokens in {file}");
    }
    for (name, value) in &variables {
        assert!(file.contains(&format!("export {name}={value}\n")), "{name} in {file}");
        shell = shell.with(name.clone().leak(), value);
    }
    shell.write("catalog.json", catalog(&["anna", "ben"]));

    let created = shell.document("seed --catalog catalog.json", 0);
    assert_eq!(created["created"].as_array().unwrap().len(), 2, "{created}");
    let again = shell.document("seed --catalog catalog.json", 0);
    assert_eq!(again["updated"], created["created"], "seeding twice makes nobody anew");
    assert_eq!((&again["created"], &created["updated"]), (&json!([]), &json!([])), "{again}");

    let one = shell.document("tick --persona persona.anna@mana.test", 0);
    assert_eq!((&one["due"], &one["ranSuccessfully"]), (&1.into(), &1.into()), "{one}");
    let error = shell.error("tick --persona persona.anna@mana.test", 100);
    assert_eq!(error["message"], "persona.anna@mana.test is not due now");
    let error = shell.error("tick --persona nobody@mana.test", 100);
    let says = "nobody of the address nobody@mana.test is known: neither due now, nor in the ledger";
    assert_eq!(error["message"], says);
    assert!(error["hint"].as_str().unwrap().contains("persona-host personas list"), "{error}");

    let list = shell.document("personas list", 0);
    let due = |position: usize| (list[position]["persona"].clone(), list[position]["due"].clone());
    assert_eq!(due(0), ("persona.anna@mana.test".into(), false.into()), "{list}");
    assert_eq!(due(1), ("persona.ben@mana.test".into(), true.into()), "{list}");

    let rest = shell.document("tick", 0);
    assert_eq!((&rest["due"], &rest["ranSuccessfully"]), (&1.into(), &1.into()), "{rest}");
    let said = shell.call("tick");
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "nobody is due now\n"));
    assert_eq!(stack.terminate().code(), Some(0));
}

/// With one persona, whose first turn has failed.
async fn town_with_a_hold() -> (standin::Stack, Shell) {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    stack.auth().set_faults(Faults { sign_ins: 2, ..Faults::default() });
    let failed = shell.document("tick", 77);
    assert_eq!(failed["failed"].as_array().unwrap().len(), 2, "{failed}");
    (stack, shell)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_holds_everybody_for_a_fault_says_no_until_they_are_released() {
    let (stack, shell) = town_with_a_hold().await;
    let said = shell.call("tick");
    assert_eq!(said.code, Some(100), "{said:?}");
    assert!(said.stdout.contains("`persona-host personas release EMAIL` lifts a hold"), "{said:?}");
    assert!(said.stderr.contains(" held: waits until "), "{said:?}");
    let held = shell.document("tick --persona persona.anna@mana.test", 100);
    assert_eq!(held["held"][0]["cause"], "fault", "{held}");

    let ran = shell.document("tick --persona persona.anna@mana.test --now", 0);
    assert_eq!(ran["ranSuccessfully"], 1, "{ran}");
    let released = shell.document("personas release persona.ben@mana.test", 0);
    assert_eq!(released["released"], 1, "{released}");
    let ran = shell.document("tick", 0);
    assert_eq!((&ran["due"], &ran["ranSuccessfully"]), (&1.into(), &1.into()), "{ran}");
    let said = shell.call("personas release persona.ben@mana.test");
    assert!(said.stdout.starts_with("no turn of persona.ben@mana.test is held"), "{said:?}");
    let error = shell.error("personas release persona.nobody@mana.test", 100);
    assert!(
        error["message"].as_str().unwrap().contains("has no turn of persona.nobody@mana.test"),
        "{error}"
    );
    assert_eq!(shell.call("tick --now").code, Some(2), "nobody wants all holds lifted at once");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_held_is_listed_with_until_when_why_and_what_lifts_it() {
    let (stack, shell) = town_with_a_hold().await;
    let list = shell.document("personas list", 0);
    for persona in list.as_array().unwrap() {
        let [now] = &persona["now"].as_array().unwrap()[..] else { panic!("{list}") };
        assert_eq!((&now["is"], &now["attempts"]), (&"held".into(), &1.into()), "{list}");
        assert!(now["until"].is_string() && now["turn"] == persona["lastTurn"]["id"], "{list}");
        assert!(now["why"].as_str().unwrap().starts_with("Persona login failed for"), "{list}");
        let hint = format!("`persona-host personas release {}`", persona["persona"].as_str().unwrap());
        assert!(now["hint"].as_str().unwrap().contains(&hint), "{list}");
    }
    let said = shell.call("personas list").stdout;
    assert!(said.contains("persona.anna@mana.test is held until "), "{said}");
    assert!(
        said.contains(" UTC, after attempt 1: Persona login failed for persona.anna@mana.test: "),
        "{said}"
    );
    assert!(said.contains("`persona-host personas release persona.anna@mana.test` lifts the hold"), "{said}");

    shell.document("personas release persona.anna@mana.test", 0);
    let said = shell.call("personas list").stdout;
    assert!(said.contains("persona.anna@mana.test begins anew at the next tick at which its persona is due for it, after attempt 1: "), "{said}");
    shell.document("tick --persona persona.anna@mana.test", 0);
    let list = shell.document("personas list", 0);
    assert_eq!(list[0]["now"], serde_json::json!([]), "{list}");
    stack.stop().await;
}

/// Whoever is due and has no turn that is open is kept back in the words of the tick.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_due_because_mana_auth_does_not_know_of_a_turn_yet_is_listed_so() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna"]));
    shell.document("seed --catalog catalog.json", 0);
    stack.auth().set_faults(Faults { deliveries: u32::MAX, ..Faults::default() });
    shell.call("tick");
    let list = shell.document("personas list", 0);
    let why = "its turn is over; mana-auth does not know it yet";
    assert_eq!(list[0]["now"], serde_json::json!([{ "is": "unacknowledged", "why": why }]), "{list}");
    let said = shell.call("personas list").stdout;
    assert!(said.contains(&format!("persona.anna@mana.test is held: {why}\n")), "{said}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_holds_the_ledger_is_asked_to_release() {
    let (stack, shell) = town_with_a_hold().await;
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let mut daemon = shell.start("run");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let anna = shell.document(&format!("personas release persona.anna@mana.test --url http://{address}"), 0);
    assert_eq!(anna["released"], 1, "{anna}");
    let error =
        shell.error(&format!("personas release persona.nobody@mana.test --url http://{address}"), 100);
    assert!(error["message"].as_str().unwrap().contains("has no turn of"), "{error}");
    // Without an address it is looked for where the configuration puts it.
    let nobody = Nobody::there();
    let port = nobody.url("").rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    shell.write("persona-host.toml", format!("[http]\nport = {port}\n"));
    let error = shell.error("personas release persona.ben@mana.test", 69);
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("no persona-host answers at http://127.0.0.1:{port}")), "{error}");
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_was_seeded_is_listed_without_a_ledger_and_without_being_due() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    let everybody = "UPDATE auth.personas SET last_active_at = $1";
    let now = standin::database::Moment::from(domain::clock::Clock::system().now());
    stack.database().execute(everybody, &[now.into()]).await.unwrap();
    let listed = |shell: &Shell, line: &str| {
        let list = shell.document(line, 0);
        let persona =
            |persona: &Value| (persona["persona"].as_str().unwrap().to_owned(), persona["due"].clone());
        list.as_array().unwrap().iter().map(persona).collect::<Vec<_>>()
    };
    let both = [
        ("persona.anna@mana.test".to_owned(), false.into()),
        ("persona.ben@mana.test".to_owned(), false.into()),
    ];
    assert_eq!(listed(&shell, "personas list"), both);
    // A real mana-auth cannot issue that token, and the catalog knows them too.
    let shell = shell.with("MANA_ADMIN_JWT", "");
    assert_eq!(listed(&shell, "personas list"), []);
    assert_eq!(listed(&shell, "personas list --catalog catalog.json"), both);
    let refused = shell.with("MANA_ADMIN_JWT", "wrong");
    let said = refused.call("personas list --catalog catalog.json");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("The list of all personas failed: HTTP 401"), "{said:?}");
    stack.stop().await;
}
