//! An author's mistakes in the languages whose compilers find none: named by function and field, in the
//! build and in the call.

use serde_json::json;

use super::Shell;
use super::plugin::workshop;

/// A project of which one file is edited: each text is in it, and is replaced by the other.
fn edited(lang: &str, name: &str, file: &str, edits: &[(&str, &str)]) -> Shell {
    let shell = workshop();
    shell.document(&format!("plugin new {name} --lang {lang}"), 0);
    edit(&shell, &format!("{name}/{file}"), edits);
    shell
}

fn edit(shell: &Shell, file: &str, edits: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(shell.path(file)).unwrap();
    for (from, to) in edits {
        assert!(text.contains(from), "{from} in {file}");
        text = text.replace(from, to);
    }
    shell.write(file, text);
}

/// The build finds what is wrong with `parse-rating`, as `check` does; what is wrong under other
/// settings is told by the call.
fn mistakes_are_named(shell: &Shell, name: &str, in_parse: &str, in_turn: &[(u8, &[&str])]) {
    let built = shell.document(&format!("plugin build {name}"), 65);
    let component = built["component"].as_str().unwrap();
    let checked = shell.document(&format!("plugin check {component}"), 65);
    for document in [&built, &checked] {
        let findings = document["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["name"] == "parse-rating").unwrap();
        assert_eq!(finding["verdict"], "refused", "{finding}");
        assert!(finding["says"].as_str().unwrap().contains(in_parse), "{in_parse:?} in {finding}");
    }
    assert!(shell.path(component).is_file(), "it can be looked at");
    for (minutes, says) in in_turn {
        shell.write("settings.json", json!({ "minutes": minutes }).to_string());
        let error =
            shell.error(&format!("plugin call {component} compose-turn --settings settings.json"), 100);
        let message = error["message"].as_str().unwrap();
        for words in *says {
            assert!(message.contains(words), "{minutes}: {words:?} in {message}");
        }
        assert!(!message.contains("persona-host/") && !message.contains("RUST_BACKTRACE"), "{message}");
    }
}

/// What is not there fails the build, in words of the author's file.
fn what_is_missing_is_named(shell: &Shell, name: &str, says: &str, hint: &str) {
    let error = shell.error(&format!("plugin build {name}"), 65);
    let (message, advice) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
    assert!(message.contains(says), "{says:?} in {message}");
    assert!(advice.contains(hint), "{hint:?} in {advice}");
}

#[test]
fn a_mistake_in_javascript_is_named_by_function_and_field() {
    if peers::node::are_skipped() {
        return;
    }
    let misdeeds = r#"const { minutes = 5 } = JSON.parse(settings);
    const usual = { system: "", user: "Hi", extras: [] };
    switch (minutes) {
      case 51: throw new RangeError("out of \"ink\"");
      case 52: throw { tag: "err", val: { kind: "skip" } };
      case 53: return { ...usual, maxRound: 6 };
      case 54: return { ...usual, maxRounds: -1 };
      case 55: return { ...usual, allowedTools: ["todo.list", 7] };
      case 56: return { system: "", user: "Hi" };
      case 57: return Promise.resolve(usual);
      case 58: throw { kind: "sick", message: "flu" };
      case 59: return;
      case 60: throw { kind: "skip", message: "it is Sunday" };
    }"#;
    let file = "src/plugin.js";
    let shell = edited(
        "js",
        "slips",
        file,
        &[
            ("const { minutes = 5 } = JSON.parse(settings);", misdeeds),
            (
                "return readRatings(reply, outcome.modulesUsed);",
                "const read = readRatings(reply, outcome.modulesUsed);\n\
             return { ...read, ratings: [{ ...read.ratings[0], score: \"4\" }] };",
            ),
        ],
    );
    let number = "has to be a whole number from 0 to";
    mistakes_are_named(
        &shell,
        "slips",
        &format!("parseRating().ratings[0].score {number} 255; it is the text \"4\""),
        &[
            (51, &["RangeError: out of \"ink\"\n", "at composeTurn (/src/plugin.js:"]),
            (
                52,
                &[
                    "the failure that composeTurn threw has a field tag",
                    "kind, code, message, detail",
                    "\"skip\"",
                ],
            ),
            (53, &["composeTurn() has a field maxRound", "system, user, allowedTools, maxRounds, extras"]),
            (54, &[&format!("composeTurn().maxRounds {number} 4294967295; it is the number -1")]),
            (55, &["composeTurn().allowedTools[1] has to be a text; it is the number 7"]),
            (56, &["composeTurn().extras has to be a list; it is missing"]),
            (57, &["composeTurn() has to be a turn-request", "it is a promise"]),
            (
                58,
                &[
                    "the failure that composeTurn threw.kind has to be one of \"settings\"",
                    "the text \"sick\"",
                ],
            ),
            (59, &["composeTurn() has to be a turn-request", "it is missing (undefined)"]),
            (60, &["compose-turn says skip: it is Sunday"]),
        ],
    );

    edit(&shell, "slips/src/plugin.js", &[("  composeTurn(", "  composeTurns(")]);
    what_is_missing_is_named(
        &shell,
        "slips",
        "src/plugin.js: behavior lacks the function composeTurn; it has describe, checkSettings, composeTurns,",
        "wit/behavior.wit has the functions",
    );
    edit(&shell, "slips/src/plugin.js", &[("export const behavior", "export const behaviour")]);
    what_is_missing_is_named(
        &shell,
        "slips",
        "src/plugin.js has no `export const behavior = { … }`; it exports behaviour, selfTest",
        "export it from src/plugin.js",
    );
}

#[test]
fn a_mistake_in_python_is_named_by_function_and_field() {
    if crate::support::python::is_skipped() {
        return;
    }
    let misdeeds = r#"minutes = int(json.loads(settings).get("minutes", 5))
        usual = dict(system="", user="Hi", allowed_tools=None, max_rounds=None, extras=[])
        if minutes == 51: raise ValueError("out of ink")
        if minutes == 52: raise Err("sick")
        if minutes == 53: return TurnRequest(**{**usual, "max_rounds": 6.0})
        if minutes == 54: return TurnRequest(**{**usual, "max_rounds": -1})
        if minutes == 55: return TurnRequest(**{**usual, "allowed_tools": ["todo.list", 7]})
        if minutes == 56: return usual
        if minutes == 57: return Err("sick")
        if minutes == 58: return TurnRequest(**{**usual, "allowed_tools": ("todo.list",)})
        if minutes == 59: return TurnRequest(**{**usual, "user": "\ud83d"})"#;
    let shell = edited(
        "python",
        "slips",
        "app.py",
        &[
            ("minutes = int(json.loads(settings).get(\"minutes\", 5))", misdeeds),
            (
                "return read_ratings(reply, outcome.modules_used)",
                "report = read_ratings(reply, outcome.modules_used)\n        \
             report.ratings[0].score = \"4\"\n        return report",
            ),
        ],
    );
    let number = "has to be a whole number from 0 to";
    mistakes_are_named(
        &shell,
        "slips",
        &format!("parse_rating().ratings[0].score {number} 255; it is '4' (str)"),
        &[
            (51, &["app.py\", line ", "ValueError: out of ink"]),
            (52, &["the failure that compose_turn raised has to be a Failure; it is 'sick' (str)"]),
            (53, &[&format!("compose_turn().max_rounds {number} 4294967295; it is 6.0 (float)")]),
            (54, &[&format!("compose_turn().max_rounds {number} 4294967295; it is -1 (int)")]),
            (55, &["compose_turn().allowed_tools[1] has to be a text; it is 7 (int)"]),
            (56, &["compose_turn() has to be a TurnRequest; it is {'system'"]),
            (57, &["compose_turn() has to be a TurnRequest; it is Err("]),
            (58, &["compose_turn().allowed_tools has to be a list; it is ('todo.list',) (tuple)"]),
            (59, &["compose_turn().user holds half a character"]),
        ],
    );
    edit(&shell, "slips/app.py", &[("def compose_turn(", "def compose_turns(")]);
    what_is_missing_is_named(
        &shell,
        "slips",
        "app.py: the class Behavior lacks the function compose_turn; it has describe, check_settings, compose_turns,",
        "wit/behavior.wit has the functions",
    );
}
