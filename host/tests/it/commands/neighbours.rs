//! `stack`, `seed`, `tick` and `personas list` against each other.

use std::io::BufRead as _;

use serde_json::Value;

use super::{Running, Shell, catalog};

/// Starts `stack`, and returns what a shell needs that has read its variables.
fn start_stack(shell: &Shell) -> (Running, Vec<(String, String)>) {
    let mut stack =
        shell.start("stack --auth-port 0 --mcp-port 0 --claude-port 0 --env-file variables --json");
    let mut text = String::new();
    let document: Value = loop {
        let read = stack.stdout.read_line(&mut text).unwrap();
        assert!(read > 0, "stack ended: {text}");
        if let Ok(document) = serde_json::from_str(&text) {
            break document;
        }
    };
    let variables = document.as_object().unwrap().iter();
    let variables = variables.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    (stack, variables.collect())
}

#[test]
fn a_stack_a_seed_and_a_tick_are_a_whole_town() {
    let mut shell = Shell::new();
    let (stack, variables) = start_stack(&shell);
    let file = std::fs::read_to_string(shell.path("variables")).unwrap();
    for (name, value) in &variables {
        assert!(file.contains(&format!("export {name}={value}\n")), "{name} in {file}");
        shell = shell.with(name.clone().leak(), value);
    }
    shell.write("catalog.json", catalog(&["anna", "ben"]));

    let created = shell.document("seed --catalog catalog.json", 0);
    assert_eq!(created["created"].as_array().unwrap().len(), 2, "{created}");
    let again = shell.document("seed --catalog catalog.json", 0);
    assert_eq!(again, created, "seeding twice changes nothing");

    let one = shell.document("tick --persona persona.anna@mana.test", 0);
    assert_eq!((&one["due"], &one["ranSuccessfully"]), (&1.into(), &1.into()), "{one}");
    let error = shell.error("tick --persona persona.anna@mana.test", 100);
    assert_eq!(error["message"], "persona.anna@mana.test is not due now");

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
