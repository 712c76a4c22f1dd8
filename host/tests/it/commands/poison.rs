//! Text of personas, tools, neighbours and settings that would act on whoever looks at it: nothing of it does, wherever it
//! is shown.

use axum::Router;
use axum::http::StatusCode;
use domain::letter::acts;
use serde_json::{Value, json};
use standin::mana_mcp;

use super::{Said, Shell, stack};
use crate::support::http::Server;

/// Clears the screen, turns the direction, sets a color the other way, rings, goes back, ends a line.
const POISON: &str = "P\u{1b}[2J\u{202e}\u{9b}31m\u{7}\r\u{8}\u{2028}\u{2066}\u{200f}Q";
const FILE: &str = r#"
[http]
port = 0
[routing.archetypes]
"P\u001b[2J\u202e\u009b31mQ" = "brief"
"#;

fn catalog() -> String {
    let persona = json!({
        "name": POISON, "email": "persona.anna@mana.test", "archetype": POISON,
        "systemPrompt": format!("You are {POISON} and write much."),
        "moduleMix": { "todo": 0.6, POISON: 0.4 }, "tickCadence": "daily",
    });
    json!({ "personas": [persona] }).to_string()
}

/// Nothing that was said acts, and `shows` says whether the poison had to come by.
fn check(line: &str, said: &Said, shows: bool) {
    for (stream, text) in [("stdout", &said.stdout), ("stderr", &said.stderr)] {
        let acting = text.chars().find(|c| acts(*c) && !matches!(c, '\n' | '\t'));
        assert_eq!(acting, None, "{line}, {stream}: {text:?}");
    }
    let text = format!("{}{}", said.stdout, said.stderr);
    assert!(!shows || text.contains('\u{fffd}') || text.contains("\\u202e"), "{line} shows it: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_wrote_acts_on_whoever_looks() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("persona-host.toml", FILE);
    shell.write("catalog.json", catalog());
    let seeded = shell.call("seed --catalog catalog.json");
    assert_eq!(seeded.code, Some(0), "{seeded:?}");
    check("seed", &seeded, false);
    stack.mcp().set_faults(mana_mcp::Faults { whispers: Some(POISON.to_owned()), ..Default::default() });
    let ticked = shell.call("tick");
    assert_eq!(ticked.code, Some(0), "{ticked:?}");
    check("tick", &ticked, false);
    let turns = shell.document("turns list", 0);
    let id = turns.as_array().or(turns["turns"].as_array()).unwrap()[0]["id"].as_str().unwrap().to_owned();
    let show = format!("turns show {id}");
    for (line, shows) in [
        (show.as_str(), true),
        ("turns list", false),
        ("personas list", false),
        ("personas list --catalog catalog.json", false),
        ("costs", false),
        ("costs --by persona", false),
        ("config show", true),
    ] {
        check(line, &shell.call(line), shows);
        let said = shell.call(&format!("{line} --json"));
        check(line, &said, shows);
        let _: Value = serde_json::from_str(&said.stdout).unwrap();
    }
    let report = shell.document(&show, 0).to_string();
    assert!(report.contains("\\u001b[2J\u{202e}"), "the document means what was said");
    stack.stop().await;
}

/// A cell that nobody could read is refused, whichever it is.
#[test]
fn nothing_that_is_in_rows_acts_on_whoever_analyzes_them() {
    let shell = Shell::new();
    let with = |persona: &str, module: &str, arm: &str, rating: &str, more: &str| {
        format!(
            "persona,block,module,arm,rating,{more}\nann,0,todo,control,4,7\n{persona},1,{module},{arm},{rating},7\n"
        )
    };
    let poison = &format!("\"{POISON}\"");
    // The last is left out with a word; then there are too few personas.
    for rows in [
        with(poison, "todo", "brief", "5", "mood"),
        with("ann", poison, "brief", "5", "mood"),
        with("ann", "todo", poison, "5", "mood"),
        with("ann", "todo", "brief", poison, "mood"),
        with("ann", "todo", "brief", "5", poison),
    ] {
        shell.write("rows.csv", &rows);
        for form in ["", " --json", " --form markdown", " --form html"] {
            let line = format!("experiment analyze rows.csv{form}");
            let said = shell.call(&line);
            assert_eq!(said.code, Some(65), "{rows:?}, {line}: {said:?}");
            check(&line, &said, false);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_neighbour_answers_acts_in_an_error_or_in_the_log() {
    let stack = stack().await;
    let poisoned = async || (StatusCode::INTERNAL_SERVER_ERROR, POISON);
    let neighbour = Server::start(Router::new().fallback(poisoned)).await;
    let shell = Shell::beside(&stack).with("MANA_API_URL", &neighbour.url("")).with("TICK_INTERVAL_MS", "50");
    shell.write("persona-host.toml", FILE);
    for line in ["tick", "tick --json", "personas list"] {
        check(line, &shell.call(line), true);
    }
    for format in ["run", "run --json"] {
        let mut daemon = shell.start(format);
        let seen = daemon.said("listDuePersonas failed");
        check(format, &Said { code: None, stdout: String::new(), stderr: seen }, true);
        assert_eq!(daemon.terminate().code(), Some(0));
    }
    stack.stop().await;
}
