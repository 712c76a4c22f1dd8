//! One call of a plugin: what is given, what it answers, and what is told when it breaks down.

use serde_json::json;

use super::{brief, ended};
use crate::commands::{Shell, catalog};
use crate::support::builds;

#[test]
fn one_function_is_called_as_in_a_turn_with_what_is_given() {
    let shell = Shell::new();
    shell.write("brief.wasm", brief());
    shell.write("catalog.json", catalog(&["ole", "jule"]));
    shell.write("context.json", r#"{"localDate": "2026-12-24"}"#);
    shell.write("outcome.json", r#"{"actions": ["notes.create"]}"#);
    shell.write("reply.txt", r#"{"ratings":[{"module":"notes","rating":5}]}"#);
    shell.write("useless.txt", "Das war schön.");
    let result = |line: &str| shell.document(&format!("plugin call brief.wasm {line}"), 0)["result"].clone();

    assert_eq!(result("describe")["name"], "brief");
    assert_eq!(result("check-settings"), json!([]));
    let turn = result("compose-turn --context context.json --persona catalog.json#persona.jule@mana.test");
    assert!(turn["user"].as_str().unwrap().contains("It is 2026-12-24."), "{turn}");
    assert!(turn["system"].as_str().unwrap().starts_with("Du baust allein"), "{turn}");
    assert_eq!(turn["maxRounds"], 6);
    let rating = result("compose-rating --outcome outcome.json");
    assert!(rating["user"].as_str().unwrap().contains("You just used notes."), "{rating}");
    let report = result("parse-rating --outcome outcome.json --reply reply.txt");
    assert_eq!(report["ratings"], json!([{"module": "notes", "score": 5, "notes": null}]));

    let said = shell.call("plugin call brief.wasm compose-turn");
    ended(&said, 0);
    assert!(
        said.stdout.starts_with("# compose-turn\n\n## system prompt\n\nDu bist Anna, 28,"),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("compose-turn: ") && said.stderr.contains(" fuel, "), "{}", said.stderr);

    let error = shell.error("plugin call brief.wasm parse-rating --reply useless.txt", 100);
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("parse-rating says output: the reply holds no JSON"), "{error}");
    for (line, code, says) in [
        (
            "plugin call brief.wasm compose-turn --persona catalog.json#ben",
            65,
            "catalog.json has no persona ben",
        ),
        ("plugin call brief.wasm compose-turn --persona reply.txt", 65, "systemPrompt: is missing"),
        ("plugin call brief.wasm compose-turn --persona none.json", 74, "none.json cannot be read"),
        ("plugin call brief.wasm compose-turn --context outcome.json", 65, "unknown field \"actions\""),
        ("plugin call brief.wasm compose-trun", 2, "invalid value 'compose-trun'"),
    ] {
        let error = shell.error(line, code);
        assert!(error["message"].as_str().unwrap().contains(says), "{line}: {says:?} in {error}");
    }
}

#[test]
fn a_plugin_that_breaks_down_is_told_in_its_own_words() {
    const MISFIT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/misfit.wasm"));
    let shell = Shell::new();
    shell.write("misfit.wasm", MISFIT);
    for (misdeed, verdict, says) in [
        ("panic", "refused", "the moon is in the wrong phase"),
        ("loop-forever", "refused", "the plugin was stopped: it "),
        ("eat-memory", "refused", "the limit is 128.0 MiB"),
        ("exit", "refused", "it called exit with status "),
        ("empty-prompt", "refused", "the user message is empty"),
        ("skip", "warn", "it is Sunday"),
    ] {
        shell.write("settings.json", json!({ "do": misdeed }).to_string());
        let error = shell.error("plugin call misfit.wasm compose-turn --settings settings.json", 100);
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("compose-turn") && message.contains(says), "{misdeed}: {error}");

        let code = if verdict == "refused" { 65 } else { 0 };
        let checked = shell.document("plugin check misfit.wasm --settings settings.json", code);
        assert_eq!(checked["verdict"], verdict, "{misdeed}: {checked:#}");
        let findings = checked["findings"].as_array().unwrap();
        let of_turn = findings.iter().find(|finding| finding["name"] == "compose-turn").unwrap();
        assert_eq!(of_turn["verdict"], verdict, "{misdeed}: {of_turn}");
        assert!(of_turn["says"].as_str().unwrap().contains(says), "{misdeed}: {of_turn}");
    }
    shell.write("settings.json", r#"{"do": "flood-log"}"#);
    let said = shell.call("plugin check misfit.wasm --settings settings.json");
    ended(&said, 0);
    assert!(said.stdout.contains("100001 log lines\n"), "{}", said.stdout);
    assert!(said.stdout.contains("the host would use it; 1 to look at"), "{}", said.stdout);
    shell.write("settings.json", r#"{"do": "invent-tools"}"#);
    let said = shell.call("plugin call misfit.wasm compose-turn --settings settings.json");
    ended(&said, 0);
    assert!(said.stdout.contains("left out, because they are not offered: moon.land"), "{}", said.stdout);
    shell.write("context.json", r#"{"tools": ["notes.create"]}"#);
    let said =
        shell.call("plugin call misfit.wasm compose-turn --settings settings.json --context context.json");
    ended(&said, 0);
    for words in ["## tools\n\nno tool\n", "- warning /allowed-tools: no tool is left"] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }
}

#[test]
fn a_plugin_of_whose_ratings_the_host_keeps_none_fails_the_sample_and_is_loaded_all_the_same() {
    let shell = Shell::new();
    shell.write("misfit.wasm", builds::misfit("lie-in-ratings"));
    let said = shell.call("plugin check misfit.wasm");
    ended(&said, 65);
    for words in [
        "✗ parse-rating    none of the ratings that it read can be used\n",
        "moon: the plugin rated a module that was not used; dropped",
        "it fails the sample calls: 1 of no use (marked with ✗)\nthe host loads it all the same, unless",
    ] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }
}
