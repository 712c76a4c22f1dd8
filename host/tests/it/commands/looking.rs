//! Verbs that only look: help, the configuration, passwords.

use super::Shell;

#[test]
fn every_verb_explains_itself() {
    let shell = Shell::new();
    let mut help = String::new();
    for verb in [
        "",
        "demo",
        "init",
        "validate",
        "doctor",
        "status",
        "top",
        "run",
        "stack",
        "seed",
        "tick",
        "pause",
        "resume",
        "costs",
        "personas",
        "personas list",
        "personas password",
        "personas schedule",
        "turns",
        "turns list",
        "turns show",
        "turns tail",
        "turns diff",
        "turns replay",
        "events",
        "events tail",
        "plugin",
        "plugin new",
        "plugin build",
        "plugin inspect",
        "plugin check",
        "plugin call",
        "plugin test",
        "plugin dev",
        "plugin list",
        "plugin rollback",
        "plugin replay",
        "config",
        "config show",
        "config schema",
        "explain",
        "completions",
        "man",
        "version",
    ] {
        let line = format!("{verb} --help");
        let said = shell.call(&line);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{line}");
        help += &format!("$ persona-host {}\n{}\n", line.trim_start(), said.stdout);
    }
    insta::assert_snapshot!(help);
}

#[test]
fn every_value_says_where_it_comes_from() {
    let shell = Shell::new()
        .with("XDG_CACHE_HOME", "/home/anna/.cache")
        .with("PERSONA_CONCURRENCY", "8")
        .with("MANA_SERVICE_KEY", "not to be seen");
    shell.write("persona-host.toml", "[routing.archetypes]\nfreelancer = \"brief\"\n[http]\nport = 3080\n");
    let said = shell.call("config show");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(said.stdout);

    let document = shell.document("config show", 0);
    let of = |key: &str| document.as_array().unwrap().iter().find(|shown| shown["key"] == key).cloned();
    let concurrency = of("runner.concurrency").unwrap();
    assert_eq!(
        (&concurrency["value"], &concurrency["origin"]),
        (&"8".into(), &"$PERSONA_CONCURRENCY".into())
    );
    assert!(!document.to_string().contains("not to be seen"), "{document}");
}

#[test]
fn what_looks_like_a_variable_and_is_none_is_said_beside_the_configuration() {
    let shell = Shell::new().with("PERSONA_CONCURENCY", "8").with("RUNNER_TEMP", "/tmp");
    let said = shell.call("config show").stderr;
    assert_eq!(said, "PERSONA_CONCURENCY counts for nothing: did you mean PERSONA_CONCURRENCY?\n");
    let shell = shell.with("RUNNER_PAUSED", "yes");
    let error = shell.error("config show", 78);
    assert_eq!(error["message"], "RUNNER_PAUSED must be 1 or true, or else 0 or false, got \"yes\"");
}

#[test]
fn the_schema_is_what_an_editor_reads() {
    let shell = Shell::new();
    let schema = shell.document("config schema", 0);
    assert_eq!(schema["title"], "The configuration of persona-host");
    let printed = shell.call("config schema").stdout;
    assert_eq!(printed, include_str!("../../../schema/persona-host.json"));
}

#[test]
fn a_password_is_the_one_of_the_contract() {
    let shell = Shell::new().with("PERSONA_SEED_SECRET", "dev-persona-seed-secret-rotate-in-prod");
    let line = "personas password persona.anna@mana.test";
    assert_eq!(shell.call(line).stdout, "1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA\n");
    let document = shell.document(line, 0);
    assert_eq!(document["password"], "1FJ7w8KbjK5CWVa8NqfobexAFNuQKxiA");

    let error = shell.with("PERSONA_SEED_SECRET", "").error(line, 77);
    assert!(error["hint"].as_str().unwrap().starts_with("set PERSONA_SEED_SECRET"), "{error}");
}

#[test]
fn a_dry_run_only_says_whom_it_would_create() {
    let shell = Shell::new();
    shell.write("catalog.json", super::catalog(&["anna", "ben"]));
    let said = shell.call("seed --catalog catalog.json --dry-run");
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), "persona.anna@mana.test\npersona.ben@mana.test\n")
    );
    let document = shell.document("seed --catalog catalog.json --dry-run", 0);
    assert_eq!(document["wouldCreate"].as_array().unwrap().len(), 2);
}

#[test]
fn wrong_arguments_are_told_in_the_form_that_was_asked_for() {
    let shell = Shell::new();
    let error = shell.error("tick persona.anna@mana.test", 2);
    assert_eq!(error["message"], "unexpected argument 'persona.anna@mana.test' found");
    let said = shell.call("tick persona.anna@mana.test");
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""));
    assert!(said.stderr.starts_with("error: unexpected argument"), "{}", said.stderr);
}
