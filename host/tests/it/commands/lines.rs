//! The line that the log has of each attempt of a turn.

use serde_json::Value;

use super::{Shell, catalog, stack};

const FILE: &str = "[http]\nport = 0\n[mana]\npersonas_path = \"/api/v1/internal/personas\"\n";

/// The lines of turns until the tick is over that had one. Ticks overlap: others end before it, with nobody to play.
fn first_tick(shell: &Shell) -> (Vec<Value>, Value) {
    let mut daemon = shell.start("run --json");
    let mut all = Vec::new();
    let last = loop {
        let line = daemon.log_line();
        if line["message"] == "tick ended" && (line["completed"] != 0 || line["faults"] != 0) {
            break line;
        }
        all.push(line);
    };
    assert_eq!(daemon.terminate().code(), Some(0));
    (all.into_iter().filter(|line| line["message"].as_str().unwrap().starts_with("turn ")).collect(), last)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_of_a_turn_is_one_line_with_all_by_which_it_can_be_looked_for() {
    let stack = stack().await;
    let town = || {
        let shell = Shell::beside(&stack).with("MANA_API_URL", stack.auth_url());
        shell.write("persona-host.toml", FILE);
        shell.write("catalog.json", catalog(&["anna"]));
        shell.with("TICK_INTERVAL_MS", "50")
    };
    town().document("seed --catalog catalog.json", 0);

    let shell = town().with("PERSONA_SEED_SECRET", "not the one of the passwords");
    let (lines, last) = first_tick(&shell);
    let [line, warning] = &lines[..] else { panic!("{lines:?} {last}") };
    assert_eq!((&line["message"], &line["level"]), (&"turn ended".into(), &"INFO".into()), "{last}");
    let told = (&line["end"], &line["stage"], &line["code"]);
    assert_eq!(told, (&"faulted".into(), &"sign-in".into(), &"login-refused".into()), "{line}");
    assert_eq!((&line["rounds"], &line["tool_calls"], &line["actions"]), (&0.into(), &0.into(), &0.into()));
    let told = (&warning["message"], &warning["level"], &warning["turn"]);
    assert_eq!(told, (&"turn faulted".into(), &"WARN".into(), &line["turn"]), "{warning}");

    let shell = town();
    let (lines, last) = first_tick(&shell);
    let [line] = &lines[..] else { panic!("{lines:?} {last}") };
    assert_eq!(last["completed"], 1, "{line}");
    let turn = &shell.document("turns list", 0)[0];
    let (id, sha256) = (turn["id"].as_str().unwrap(), turn["pluginSha256"].as_str().unwrap());
    for (field, value) in [
        ("level", "INFO".into()),
        ("turn", id.into()),
        ("trace_id", id.replace('-', "").into()),
        ("email", "persona.anna@mana.test".into()),
        ("attempt", 1.into()),
        ("strategy", "daily".into()),
        ("plugin", "daily".into()),
        ("generation", 1.into()),
        ("sha256", sha256[..12].into()),
        ("served_as", "live".into()),
        ("model", turn["model"].clone()),
        ("end", "completed".into()),
        ("rounds", turn["modelCalls"].clone()),
        ("tool_calls", turn["actions"].clone()),
        ("actions", turn["actions"].clone()),
        ("cost_usd", turn["costUsd"].clone()),
    ] {
        assert_eq!(line[field], value, "{field} of {line}\nand {turn}");
    }
    let is_some = |field: &str| line[field].as_u64().is_some_and(|number| number > 0);
    assert!(["tokens_in", "tokens_out", "took_ms", "ratings"].into_iter().all(is_some), "{line}");
    assert!(["stage", "code", "arm"].iter().all(|field| line[*field].is_null()), "{line}");
    stack.stop().await;
}
