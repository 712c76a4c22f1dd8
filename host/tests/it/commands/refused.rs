//! Bad input: one clear sentence, what to do, an exit code of its own kind, and nothing lost.

use std::net::TcpListener;

use serde_json::Value;
use standin::Stack;
use standin::claude::Fault;
use standin::mana_auth::Faults;

use super::{Shell, catalog, stack};
use crate::support::builds;
use crate::support::http::Nobody;

/// Calls `line` and compares the error; its hint or its message has to contain `what_to_do`.
fn check(shell: &Shell, line: &str, code: i32, says: &str, what_to_do: &str) {
    let error = shell.error(line, code);
    let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap_or_default());
    assert!(message.contains(says), "{line}: {says:?} in {error}");
    assert!(format!("{message}\n{hint}").contains(what_to_do), "{line}: {what_to_do:?} in {error}");
}

/// Neighbours with these personas, seeded by the program itself, and a shell beside them.
async fn town(names: &[&str]) -> (Stack, Shell) {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(names));
    shell.document("seed --catalog catalog.json", 0);
    (stack, shell)
}

/// Keys to neighbours that nobody asks.
fn with_keys() -> Shell {
    Shell::new().with("MANA_SERVICE_KEY", "a key").with("ANTHROPIC_API_KEY", "a key")
}

/// What every persona would meet decides, whatever the others met for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_claude_does_not_serve_ends_with_a_code_that_says_why() {
    let an_hour = Fault::RateLimit { retry_after: Some(std::time::Duration::from_secs(3600)) };
    let (stack, shell) = town(&["anna", "ben", "kai"]).await;
    for (fault, model, code, held) in [
        // A turn goes on with the model that it began with, unless there is none of that name.
        (None, "no-such-model", 78, "not_found_error"),
        (Some(Fault::KeyRefused), "claude-haiku-5-5", 77, "authentication_error"),
        (Some(Fault::SpendLimit), "claude-haiku-5-5", 77, "enforced_spend_limit_reached"),
        (
            Some(Fault::Error { status: 403, kind: "permission_error" }),
            "claude-haiku-5-5",
            77,
            "permission_error",
        ),
        (Some(an_hour), "claude-haiku-5-5", 75, "rate_limit_error"),
    ] {
        fault.into_iter().for_each(|fault| stack.claude().plan_fault(fault));
        shell.write("host.toml", format!("[model]\nname = \"{model}\"\n"));
        let told = shell.document("tick --config host.toml", code);
        assert_eq!((&told["due"], &told["failed"]), (&3.into(), &serde_json::json!([])), "{held}: {told}");
        let reasons = told["held"].as_array().unwrap_or_else(|| panic!("{held}: {told}"));
        assert_eq!(reasons.len(), 3, "{held}: {told}");
        assert!(reasons.iter().any(|own| own["reason"].as_str().unwrap().contains(held)), "{held}: {told}");
    }
    // They were held for nothing: each tick finds all of them again.
    assert_eq!(shell.document("tick", 0)["ranSuccessfully"], 3);
    stack.stop().await;
}

/// A built-in component in which one name is another of the same length.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    builds::renamed(&builds::built_in("daily"), from, to)
}

#[test]
fn a_file_that_is_no_plugin_is_refused_before_anybody_is_asked() {
    let shell = with_keys();
    shell.write("host.toml", "[plugins]\ndir = \"own\"\n");
    let contract = "persona:behavior/behavior@0.1.0";
    let whole = renamed(contract, contract);
    for (bytes, says, what_to_do) in [
        (b"a day in the life".to_vec(), "it is text, not a WebAssembly component", "wasm32-wasip2"),
        (whole[..whole.len() / 2].to_vec(), "cut off or damaged at byte", "copy the file again"),
        (b"\0asm\x01\0\0\0".to_vec(), "a core WebAssembly module", "wasm-tools component new"),
        (renamed(contract, "persona:strategy/behavior@0.1.0"), "persona:strategy/behavior@0.1.0", "wit/v0.1"),
        (
            renamed(contract, "persona:behavior/behavior@0.2.0"),
            "it exports persona:behavior/behavior@0.2.0; this host accepts 0.1.x",
            "wit/v0.1",
        ),
    ] {
        shell.write("own/daily.wasm", bytes);
        check(&shell, "tick --config host.toml", 65, says, what_to_do);
        check(&shell, "tick --config host.toml", 65, "own/daily.wasm", "plugin \"daily\" not loaded");
    }
    check(&shell, "demo --once --config host.toml", 65, "own/daily.wasm", "wit/v0.1");
}

#[test]
fn a_configuration_is_refused_with_the_place_of_the_mistake() {
    let shell = with_keys();
    for (text, code, says, what_to_do) in [
        ("[runner]\nconcurency = 3\n", 78, "unknown key `concurency`", "did you mean `concurrency`?"),
        ("[runner]\ntick_interval = 60\n", 78, "60 is no length of time", "write it like \"60s\""),
        (
            "[runner]\nturn_deadline = \"soon\"\n",
            78,
            "\"soon\" is no length of time",
            "write it like \"60s\"",
        ),
        ("[runner\n", 78, "unclosed table", "expected `]`"),
        (
            "[runner]\ntime_zone = \"Köln\"\n",
            78,
            "runner.time_zone must be a time zone",
            "correct it where it is set",
        ),
        (
            "[routing]\ndefault = \"weekly\"\n",
            78,
            "routing.default names the strategy \"weekly\", but there is no [strategies.weekly]",
            "there are: daily, brief",
        ),
        (
            "[strategies.daily]\nplugin = \"daily\"\nsettings = { language = \"fr\" }\n",
            65,
            "the settings of strategy daily are refused: /language: \"fr\" is not one of",
            "correct `settings` in [strategies.daily]",
        ),
        (
            "[strategies.own]\nplugin = \"own\"\n",
            65,
            "there is no file plugins/own.wasm and no built-in plugin of that name",
            "put the component there",
        ),
        ("[store]\nurl = \"mysql://ledger\"\n", 78, "which is no ledger", "sqlite:PATH, or postgres://"),
        ("[store]\nkeep = \"1d\"\n", 78, "must be 7d at least", "1d"),
    ] {
        shell.write("host.toml", text);
        check(&shell, "tick --config host.toml", code, says, what_to_do);
    }
    check(&shell, "tick --config none.toml", 78, "none.toml cannot be read", "name an existing file");

    shell.write("host.toml", "[runner]\nconcurency = 3\n");
    assert_eq!(shell.error("config show --config host.toml", 78)["at"], "host.toml:2:1");
    insta::assert_snapshot!(shell.call("config show --config host.toml").stderr, @r"
      × unknown key `concurency`
       ╭─[host.toml:2:1]
     1 │ [runner]
     2 │ concurency = 3
       · ──────────
       ╰────
      help: did you mean `concurrency`?
            `persona-host explain config-syntax` tells more
    ");
}

#[test]
fn production_does_not_start_without_secrets_of_its_own() {
    let shell = Shell::new().with("NODE_ENV", "production");
    let blocked = "mana-persona-runner production start blocked — missing/unsafe: ";
    let fallback = "PERSONA_SEED_SECRET (dev fallback in prod)";
    let every = format!("{blocked}MANA_SERVICE_KEY, ANTHROPIC_API_KEY, {fallback}");
    check(&shell, "run", 1, &every, "set each of them to a secret of its own");
    let shell = shell.with("MANA_SERVICE_KEY", "a key").with("ANTHROPIC_API_KEY", "a key");
    check(&shell, "run", 1, &format!("{blocked}{fallback}"), "unset NODE_ENV");
    let shell = shell.with("PERSONA_SEED_SECRET", "");
    check(&shell, "run", 1, &format!("{blocked}PERSONA_SEED_SECRET"), "unset NODE_ENV");
    assert_eq!(shell.files(), [""; 0], "nothing was begun");
}

#[test]
fn a_taken_port_is_named_and_nothing_is_begun() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let shell = with_keys().with("PORT", &port.to_string());
    let uses = format!("another program uses port {port}: stop it, or choose another with PORT or http.port");
    check(&shell, "run", 71, &format!("cannot listen on 127.0.0.1:{port}"), &uses);
    for (line, name) in [
        (format!("stack --auth-port {port} --mcp-port 0 --claude-port 0"), "mana-auth"),
        (format!("stack --auth-port 0 --mcp-port {port} --claude-port 0"), "mana-mcp"),
        (format!("stack --auth-port 0 --mcp-port 0 --claude-port {port}"), "scripted Claude"),
    ] {
        let says = format!("the stand-in {name} cannot listen on 127.0.0.1:{port}: port {port} is taken");
        check(&shell, &line, 71, &says, "choose another port; 0 takes any free one");
    }
    assert_eq!(shell.files(), [""; 0], "nothing was begun");
}

#[test]
fn a_ledger_that_cannot_be_read_is_named_and_stays_as_it_is() {
    let shell = with_keys();
    shell.write("text.db", "a diary, not a database; long enough that nobody takes it for an empty file\n");
    let before = std::fs::read(shell.path("text.db")).unwrap();
    check(&shell, "turns list", 74, "there is no ledger at persona-host.db", "persona-host demo --once");
    check(
        &shell,
        "turns show 3726fa9c",
        74,
        "there is no ledger at persona-host.db",
        "point store.url at one",
    );
    check(&shell, "turns list --ledger none.db", 74, "there is no ledger at none.db", "demo --once");
    let named = "named with --ledger: a demo's is persona-host-demo/DATE/ledger.db";
    check(&shell, "turns list", 74, "there is no ledger at persona-host.db", named);
    let says = "the ledger text.db cannot be opened: file is not a database";
    check(&shell, "turns list --ledger text.db", 74, says, "must name a file that persona-host made");
    shell.write("host.toml", "[store]\nurl = \"sqlite:text.db\"\n");
    check(&shell, "tick --config host.toml", 74, says, "it was not changed");
    assert_eq!(std::fs::read(shell.path("text.db")).unwrap(), before);
    check(
        &shell,
        "turns list --state done",
        2,
        "invalid value 'done' for '--state <STATE>': it must be one of running, completed",
        "",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_is_refused_as_a_whole_with_every_mistake() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    let good = catalog(&["anna", "ben"]);
    let once = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for (text, says) in [
        (once("\"daily\"", "\"sometimes\""), "personas[0].tickCadence"),
        (once("persona.ben@mana.test", "ben@example.com"), "personas[1].email: must end in @mana.test"),
        (once("\"archetype\"", "\"archetyp\""), "personas[0].archetype: is missing"),
        (once("persona.ben@", "persona.anna@"), "personas[1].email"),
        (good[..good.len() / 2].to_owned(), "not JSON"),
        ("{}".to_owned(), "personas"),
    ] {
        shell.write("catalog.json", text);
        check(&shell, "seed --catalog catalog.json", 65, says, "nothing was created; correct the file");
    }
    check(
        &shell,
        "seed --catalog none.json",
        74,
        "the catalog none.json cannot be read",
        "examples/personas.json",
    );
    shell.write("catalog.json", &good);
    let nobody = Shell { folder: shell.folder, ..Shell::new() };
    check(
        &nobody,
        "seed --catalog catalog.json",
        77,
        "no administrator's token",
        "set MANA_ADMIN_JWT or use --jwt",
    );
    let shell = Shell { folder: nobody.folder, ..Shell::beside(&stack) };
    assert_eq!(shell.document("personas list", 0), serde_json::json!([]), "nobody was created");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_refuses_or_is_away_is_named() {
    let (stack, shell) = town(&["anna"]).await;
    let nobody = Nobody::there();
    for (name, value, code, says, what_to_do) in [
        (
            "MANA_SERVICE_KEY",
            "wrong".to_owned(),
            77,
            "listDuePersonas failed: HTTP 401 — ",
            "MANA_SERVICE_KEY must be the one that mana-auth was started with.",
        ),
        ("MANA_SERVICE_KEY", String::new(), 77, "a tick needs MANA_SERVICE_KEY", "demo --once"),
        ("ANTHROPIC_API_KEY", String::new(), 77, "a tick needs ANTHROPIC_API_KEY", "demo --once"),
        (
            "MANA_AUTH_URL",
            nobody.url(""),
            69,
            "listDuePersonas failed: cannot connect to http://127.0.0.1:",
            "Is mana-auth running at that address? Check MANA_AUTH_URL.",
        ),
        (
            "MANA_AUTH_URL",
            "localhost:3001".to_owned(),
            78,
            "must begin with http:// or https://",
            "correct it where it is set",
        ),
        (
            "PERSONA_CONCURRENCY",
            "many".to_owned(),
            78,
            "must be a positive integer, got \"many\"",
            "correct it where it is set",
        ),
    ] {
        let mut wrong = Shell::beside(&stack);
        wrong = wrong.with(name, &value);
        check(&wrong, "tick", code, says, what_to_do);
    }
    let away = Shell { folder: shell.folder, ..Shell::beside(&stack) }.with("MANA_AUTH_URL", &nobody.url(""));
    check(
        &away,
        "seed --catalog catalog.json",
        69,
        "cannot connect to http://127.0.0.1:",
        "Check MANA_AUTH_URL",
    );
    // What the ledger knows is worth showing without it.
    let listed = away.call("personas list");
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert!(
        listed.stderr.contains("who is due is not known") && listed.stderr.contains("cannot connect to"),
        "{listed:?}"
    );
    let refused = Shell { folder: away.folder, ..Shell::beside(&stack) }.with("MANA_ADMIN_JWT", "wrong");
    check(&refused, "seed --catalog catalog.json", 77, "persona.anna@mana.test failed: HTTP 401", "");
    let line = "seed --catalog catalog.json --jwt";
    check(&refused, &format!("{line} {}", stack.service_key()), 77, "HTTP 401", "");
    stack.stop().await;
}

/// The only persona of a tick that failed, and the turn that the ledger has of it.
fn failed(shell: &Shell, exit: i32) -> (Value, Value) {
    let document = shell.document("tick", exit);
    assert_eq!((&document["due"], &document["ranSuccessfully"]), (&1.into(), &0.into()), "{document}");
    let turn = shell.document("turns list", 0)[0].clone();
    assert_eq!((&turn["state"], &turn["outcome"]), (&"held".into(), &"faulted".into()), "{turn}");
    (document["failed"][0].clone(), turn)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mcp_server_that_is_down_costs_one_turn_that_is_tried_again() {
    let (stack, shell) = town(&["anna"]).await;
    let nobody = Nobody::there();
    let shell = shell.with("MANA_MCP_URL", &nobody.url(""));
    let (failed, turn) = failed(&shell, 69);
    assert_eq!(failed["persona"], "persona.anna@mana.test");
    assert!(failed["error"].as_str().unwrap().contains(&nobody.url("/mcp")), "{failed}");
    assert!(turn["faultHint"].as_str().unwrap().contains("MANA_MCP_URL"), "{turn}");
    let said = shell.call(&format!("turns show {}", turn["id"].as_str().unwrap())).stdout;
    assert!(said.contains("\nfault in ") && said.contains("\n  hint   "), "{said}");

    // It is held for a while, and says so; then everything is as before.
    let held = shell.document("tick", 100);
    assert_eq!(held["held"][0]["cause"], "fault", "{held}");
    let reason = held["held"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("waits until ") && reason.contains("after attempt 1"), "{held}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_the_wrong_seed_secret_says_so_until_it_is_locked() {
    let (stack, shell) = town(&["anna"]).await;
    // Only this form of sign-in counts failures (contract 3.1).
    let bearer = "[mana]\nsign_in = \"bearer\"\n";
    shell.write("persona-host.toml", bearer);
    let mut last = Value::Null;
    for _ in 0..5 {
        // A ledger of its own, or the turn would be held.
        let wrong = Shell::beside(&stack).with("PERSONA_SEED_SECRET", "another one");
        wrong.write("persona-host.toml", bearer);
        let (failed, turn) = failed(&wrong, 77);
        let error = failed["error"].as_str().unwrap();
        assert!(error.starts_with("Persona login failed for persona.anna@mana.test: HTTP 4"), "{error}");
        last = turn;
    }
    assert!(last["faultHint"].as_str().unwrap().contains("PERSONA_SEED_SECRET"), "{last}");
    // By now not even the right one helps.
    let (failed, turn) = failed(&shell, 77);
    assert!(failed["error"].as_str().unwrap().contains("Account locked"), "{failed}");
    assert_eq!(turn["faultCode"], "login-locked");
    assert!(turn["faultHint"].as_str().unwrap().starts_with("Wait until the lock ends"), "{turn}");
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_mana_auth_does_not_take_stay_in_the_outbox() {
    let (stack, shell) = town(&["anna"]).await;
    stack.auth().set_faults(Faults { deliveries: 1, ..Faults::default() });
    let document = shell.document("tick", 0);
    assert_eq!(document["ranSuccessfully"], 1, "{document}");
    let turn = shell.document("turns list", 0)[0].clone();
    assert!(turn["undelivered"].as_u64().unwrap() >= 1, "{turn}");
    let id = turn["id"].as_str().unwrap();
    let said = shell.call(&format!("turns show {id}")).stdout;
    assert!(said.contains("\nnot delivered to mana-auth\n  actions      waiting, tried 1×: "), "{said}");
    let error = shell.error("turns show 00000000-0000-4000-8000-000000000000", 100);
    assert!(
        error["message"].as_str().unwrap().contains("`persona-host turns list` shows the ids"),
        "{error}"
    );
    stack.stop().await;
}

#[test]
fn all_plugins_that_are_missing_are_named_at_once() {
    let shell = Shell::new();
    shell.write(
        "persona-host.toml",
        "[plugins]\ndir = \"plugins\"\n[strategies.a]\nplugin = \"tidy\"\n[strategies.b]\nplugin = \"dry\"\n\
         [strategies.c]\nplugin = \"wet\"\n",
    );
    let error = shell.error("demo --once", 65);
    let message = error["message"].as_str().unwrap();
    for plugin in ["tidy", "dry", "wet"] {
        assert!(message.contains(&format!("plugin \"{plugin}\" not loaded")), "{plugin} in {message}");
    }
}
