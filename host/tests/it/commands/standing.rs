//! `status` and `top`: how it stands, with a daemon and without one.

use std::io::Read as _;
use std::process::{Command, Stdio};

use super::{Shell, catalog, stack};

#[tokio::test(flavor = "multi_thread")]
async fn one_screen_tells_how_it_stands_with_a_daemon_and_without_one() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let missing = shell.error("status", 74);
    assert!(missing["message"].as_str().unwrap().contains("there is no ledger"), "{missing}");
    assert_eq!(shell.error("status --url http://127.0.0.1:1", 69)["exit"], 69);

    shell.write("catalog.json", catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    shell.document("tick", 0);
    shell.document("pause --persona persona.ben@mana.test --reason lunch", 0);
    let told = shell.document("status", 0);
    assert_eq!((&told["running"], &told["ledgerHeld"]), (&false.into(), &false.into()), "{told:#}");
    assert_eq!(told["pausedPersonas"], serde_json::json!(["persona.ben@mana.test"]), "{told:#}");
    assert!(told["today"]["calls"].as_u64().is_some_and(|calls| calls > 2), "{told:#}");
    let screen = shell.call("status").stdout;
    for line in [
        "not running",
        "no persona-host runs",
        "today       $",
        "outbox      all is delivered",
        "1 paused by address",
    ] {
        assert!(screen.contains(line), "{line:?} in\n{screen}");
    }

    let mut daemon = shell.start("run");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    shell.document(&format!("pause --url http://{address} --reason supper"), 0);
    let told = shell.document(&format!("status --url http://{address}"), 0);
    assert_eq!((&told["running"], &told["loop"]), (&true.into(), &"on".into()), "{told:#}");
    let in_the_way: Vec<_> =
        told["inTheWay"].as_array().unwrap().iter().map(|own| own["what"].clone()).collect();
    assert_eq!(in_the_way, ["pause", "pausedPersonas"], "{told:#}");
    let screen = shell.call(&format!("status --url http://{address}")).stdout;
    for line in [
        "paused",
        "(supper)",
        "under way   nobody plays",
        "! pausedPersonas: 1 persona is paused by address",
        "plugins     ",
        "(generation ",
    ] {
        assert!(screen.contains(line), "{line:?} in\n{screen}");
    }
    // The port is another one than the configuration knows: who has the ledger is told.
    assert_eq!(shell.document("status", 0)["ledgerHeld"], true);
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}

#[test]
fn top_draws_on_a_terminal_only() {
    let shell = Shell::new();
    let said = shell.call("top");
    assert_eq!((said.code, said.stdout.as_str()), (Some(2), ""), "{said:?}");
    assert!(
        said.stderr.contains("draws on a terminal") && said.stderr.contains("persona-host status"),
        "{said:?}"
    );
    assert_eq!(shell.error("top", 2)["code"], "no-terminal");
}

#[tokio::test(flavor = "multi_thread")]
async fn seed_tells_whom_it_created_from_who_was_there() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna"]));
    let first = shell.document("seed --catalog catalog.json", 0);
    assert_eq!(
        (first["created"].as_array().unwrap().len(), first["updated"].as_array().unwrap().len()),
        (1, 0)
    );
    shell.write("catalog.json", catalog(&["anna", "ben"]));
    let again = shell.call("seed --catalog catalog.json");
    assert!(
        again.stdout.contains("2 of 2 personas are at mana-auth: 1 created, 1 there already"),
        "{again:?}"
    );
    assert!(again.stderr.contains("was there: its description is that of the catalog"), "{again:?}");
    stack.stop().await;
}

#[test]
fn what_the_models_cost_is_told_before_any_is_asked() {
    let shell = Shell::new().with("ANTHROPIC_MODEL", "claude-sonnet-5-5");
    shell.write("persona-host.toml", "[budget]\nday = 0.000001\n");
    let said = shell.call("validate");
    assert!(
        said.stdout.contains("budget.day is $") && said.stdout.contains("no turn can ask anything"),
        "{said:?}"
    );
    let shown = shell.document("config show", 0);
    let value = |key: &str| {
        let all = shown.as_array().unwrap();
        all.iter().find(|own| own["key"] == key).unwrap_or_else(|| panic!("{key}: {shown}"))["value"].clone()
    };
    assert_eq!((value("budget.turn"), value("schedule.mode")), ("no limit".into(), "since_last".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn costs_say_what_a_million_tokens_cost() {
    let stack = stack().await;
    let shell = Shell::beside(&stack).with("ANTHROPIC_MODEL", "claude-sonnet-5-5");
    shell.document("tick", 0);
    let document = shell.document("costs", 0);
    let rates = &document["prices"]["usdPerMillionTokens"]["claude-sonnet-5-5"][0];
    assert_eq!((rates["prompt"].as_f64(), rates["reply"].as_f64()), (Some(2.0), Some(10.0)), "{document}");
    let text = shell.call("costs").stdout;
    assert!(
        text.contains("claude-sonnet-5-5 a million tokens, as of ") && text.contains("$2 prompt"),
        "{text}"
    );
    stack.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_as_it_was_however_top_ends() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna"]));
    shell.document("seed --catalog catalog.json", 0);
    shell.document("tick", 0);
    for signal in ["-TERM", "-INT", "-HUP"] {
        // `script` is of util-linux, and gives a command a terminal.
        let top = format!("echo $$ > pid; exec {} top", env!("CARGO_BIN_EXE_persona-host"));
        let mut script = Command::new("script");
        script.args(["-qefc", &top, "/dev/null"]).current_dir(shell.path("")).env_clear();
        script.envs(shell.variables.iter().map(|(name, value)| (name, value)));
        script.env("SHELL", "/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = script.spawn().unwrap();
        let mut drawn = script.stdout.take().unwrap();
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("q ends") {
            let mut some = [0; 1024];
            let read = drawn.read(&mut some).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend(&some[..read]);
        }
        let pid = std::fs::read_to_string(shell.path("pid")).unwrap();
        assert!(Command::new("kill").args([signal, pid.trim()]).status().unwrap().success());
        drawn.read_to_end(&mut seen).unwrap();
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.contains("\x1b[?1049h"), "{signal}: {seen:?}");
        assert!(seen.ends_with("\x1b[?7h\x1b[?25h\x1b[?1049l"), "{signal}: {seen:?}");
        assert_eq!(script.wait().unwrap().code(), Some(0), "{signal}");
    }
    stack.stop().await;
}
