//! `plugin …`: from nothing to a plugin that the host takes, and what is refused on the way.

use domain::ids::{PluginName, Sha256Hex};
use persona_host::behavior::Source;
use serde_json::{Value, json};

use super::{Said, Shell};
use crate::support::builds;

/// A shell in which the tools that build plugins are found, with what they have downloaded before.
pub(super) fn workshop() -> Shell {
    let of_user = |variable: &str, folder: &str| {
        let home = || std::env::home_dir().unwrap_or_default().join(folder).display().to_string();
        std::env::var(variable).unwrap_or_else(|_| home())
    };
    Shell::new()
        .with("PATH", &std::env::var("PATH").unwrap_or_default())
        .with("CARGO_HOME", &of_user("CARGO_HOME", ".cargo"))
        .with("RUSTUP_HOME", &of_user("RUSTUP_HOME", ".rustup"))
        .with("npm_config_cache", &of_user("npm_config_cache", ".npm"))
        .with("PIP_CACHE_DIR", &of_user("PIP_CACHE_DIR", ".cache/pip"))
        // What the cargo of this test has set must not reach the one that builds the plugin.
        .with("RUSTFLAGS", "--cfg this_is_no_flag_for_guests -D warnings")
}

/// The component `brief` that is part of the program.
fn brief() -> Vec<u8> {
    Source::built_in(&PluginName::new("brief")).unwrap().bytes.to_vec()
}

fn ended(said: &Said, code: i32) {
    assert_eq!(said.code, Some(code), "{}\n{}", said.stdout, said.stderr);
}

/// From `plugin new` to a tested component.
fn from_nothing_to_a_plugin(lang: &str, name: &str) -> Shell {
    let shell = workshop();
    let begun = shell.document(&format!("plugin new {name} --lang {lang}"), 0);
    let files: Vec<&str> =
        begun["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert!(files.contains(&"wit/behavior.wit") && files.contains(&"cases/no-ratings.json"), "{files:?}");
    assert!(files.iter().all(|file| shell.path(name).join(file).is_file()), "{files:?}");

    let component = format!("{name}/dist/{name}.wasm");
    let built = shell.document(&format!("plugin build {name}"), 0);
    assert_eq!((&built["name"], &built["component"]), (&name.into(), &component.clone().into()));
    assert_eq!(built["bytes"], std::fs::metadata(shell.path(&component)).unwrap().len());
    let left: Vec<_> = std::fs::read_dir(shell.path(&format!("{name}/dist"))).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the component is left: {left:?}");

    let checked = shell.document(&format!("plugin check {component}"), 0);
    let verdicts: Vec<(&str, &str)> = (checked["findings"].as_array().unwrap().iter())
        .map(|finding| (finding["name"].as_str().unwrap(), finding["verdict"].as_str().unwrap()))
        .collect();
    let mut names = vec!["file", "contract", "imports", "load", "describe"];
    if lang != "rust" {
        // The examples in JavaScript and Python ship cases inside of the component too.
        names.push("self-test");
    }
    let functions = ["check-settings", "limits", "compose-turn", "compose-rating", "parse-rating"];
    let expected: Vec<(&str, &str)> = names.into_iter().chain(functions).map(|name| (name, "ok")).collect();
    assert_eq!(verdicts, expected, "{checked:#}");

    let tested = shell.document(&format!("plugin test {name} --no-build"), 0);
    assert_eq!((&tested["passed"], &tested["failed"]), (&4.into(), &0.into()), "{tested:#}");

    // In each language it is the same behavior, to the letter.
    shell.write("brief.wasm", brief());
    for function in ["compose-turn", "compose-rating", "parse-rating"] {
        let answer =
            |file: &str| shell.document(&format!("plugin call {file} {function}"), 0)["answer"].clone();
        assert_eq!(answer(&component), answer("brief.wasm"), "{function}");
    }
    shell
}

#[test]
fn a_plugin_in_rust_is_begun_built_checked_and_tested_with_the_usual_tools() {
    let shell = from_nothing_to_a_plugin("rust", "my-mood");
    assert!(shell.path("my-mood/target/wasm32-wasip2").is_dir());

    // Cargo builds where the user lets it: seen from where the user is.
    let elsewhere = shell.with("CARGO_TARGET_DIR", "shared");
    let built = elsewhere.document("plugin build my-mood", 0);
    let made = std::fs::read(elsewhere.path("shared/wasm32-wasip2/release/my_mood.wasm")).unwrap();
    assert_eq!(built["sha256"], json!(Sha256Hex::of(&made)));
    let shell = elsewhere;

    // A second build has nothing to do, and a broken source leaves the component that was there.
    let before = shell.document("plugin build my-mood", 0)["sha256"].clone();
    let source = shell.path("my-mood/src/lib.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    shell.write("my-mood/src/lib.rs", text.replace("use serde::Deserialize;", "use serde::Desrialize;"));
    let said = shell.call("plugin build my-mood");
    ended(&said, 65);
    assert!(said.stderr.contains("unresolved import `serde::Desrialize`"), "{}", said.stderr);
    assert!(said.stderr.contains("cargo cannot compile the plugin (exit status: 101)"), "{}", said.stderr);
    let error = shell.error("plugin build my-mood", 65);
    assert!(error["message"].as_str().unwrap().contains("unresolved import"), "{error}");
    let component = std::fs::read(shell.path("my-mood/dist/my-mood.wasm")).unwrap();
    assert_eq!(before, json!(Sha256Hex::of(&component)));

    // A prompt that changes is seen as soon as there are snapshots.
    let written = shell.document("plugin test my-mood --no-build --update", 0);
    assert_eq!(written["cases"][0]["snapshot"], "written");
    shell.write("my-mood/src/lib.rs", text.replace("then stop and say", "then rest and say"));
    let said = shell.call("plugin test my-mood");
    ended(&said, 100);
    for words in ["✗ no-favorites", "then rest and say", "unlike its snapshot", "4 failed"] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }
    ended(&shell.call("plugin test my-mood --no-build --update"), 0);
    let again = shell.document("plugin test my-mood --no-build", 0);
    assert_eq!(again["cases"][0]["snapshot"], "same");
}

#[test]
fn a_plugin_in_javascript_is_begun_built_checked_and_tested() {
    if !peers::node::are_skipped() {
        from_nothing_to_a_plugin("js", "js_mood");
    }
}

#[test]
fn a_plugin_in_python_is_begun_built_checked_and_tested() {
    if std::env::var_os("PERSONA_HOST_SKIP_PYTHON").is_some_and(|value| value == "1") {
        eprintln!("skipped: PERSONA_HOST_SKIP_PYTHON=1");
        return;
    }
    from_nothing_to_a_plugin("python", "py-mood");
}

#[test]
fn a_new_project_overwrites_nothing_and_has_a_name_that_the_host_finds() {
    let shell = Shell::new();
    shell.write("taken/notes.txt", "mine");
    for (line, code, says, hint) in [
        ("plugin new taken --lang rust", 74, "taken is there already", "another folder with --dir"),
        ("plugin new other --lang js --dir taken", 74, "taken is there already", "choose another name"),
        (
            "plugin new 7days --lang python",
            2,
            "letters, digits, `-` and `_`, and begins with a letter",
            "my-plugin",
        ),
        ("plugin new ../out --lang rust", 2, "is no name for a plugin", "my-plugin"),
        ("plugin new a --lang cobol", 2, "invalid value 'cobol'", "rust, js, python"),
    ] {
        let error = shell.error(line, code);
        let (message, advice) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
        assert!(message.contains(says), "{line}: {says:?} in {error}");
        assert!(format!("{message}{advice}").contains(hint), "{line}: {hint:?} in {error}");
    }
    assert_eq!(shell.files(), ["taken"]);
    assert_eq!(std::fs::read_to_string(shell.path("taken/notes.txt")).unwrap(), "mine");
}

/// A file that can be started.
fn script(shell: &Shell, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    shell.write(name, text);
    std::fs::set_permissions(shell.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_missing_tool_or_project_is_one_sentence_with_what_to_do() {
    // A path without any program: whatever is called is missing.
    let shell = Shell::new().with("PATH", "/nowhere");
    for (lang, tool, install) in [
        ("rust", "cargo", "rustup target add wasm32-wasip2"),
        ("js", "npm", "apt-get install nodejs npm"),
        ("python", "python3", "apt-get install python3 python3-venv"),
    ] {
        shell.document(&format!("plugin new own-{lang} --lang {lang}"), 0);
        let error = shell.error(&format!("plugin build own-{lang}"), 65);
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("{tool} is needed to ")), "{error}");
        assert!(message.ends_with(" the plugin, and is not there"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains(install), "{error}");
    }
    // npm and the compiler are there, and Node.js is not: they are scripts for it.
    for locale in ["C", "C.UTF-8"] {
        let shell =
            Shell::new().with("PATH", &shell.path("bin").display().to_string()).with("LC_ALL", locale);
        shell.document("plugin new own-js --lang js --dir own-js", 0);
        shell.write(
            "own-js/node_modules/.installed.json",
            std::fs::read(shell.path("own-js/package.json")).unwrap(),
        );
        script(&shell, "own-js/node_modules/.bin/componentize-qjs", "#!/usr/bin/env node\n");
        let error = shell.error("plugin build own-js", 65);
        assert!(error["hint"].as_str().unwrap().contains("install Node.js 20"), "{error}");
    }
    shell.write("empty/notes.txt", "");
    for (line, code, says) in [
        ("plugin build nowhere", 74, "there is no folder nowhere"),
        ("plugin build empty", 65, "empty holds no plugin"),
        ("plugin test empty", 74, "empty/cases cannot be read"),
        ("plugin test own-js --no-build", 74, "own-js/dist/own-js.wasm cannot be read"),
    ] {
        let error = shell.error(line, code);
        assert!(error["message"].as_str().unwrap().contains(says), "{line}: {says:?} in {error}");
    }
}

#[test]
fn a_file_that_is_no_plugin_is_refused_in_one_sentence_whatever_is_asked_of_it() {
    let shell = Shell::new();
    let whole = brief();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 3;
    damaged[middle..middle + 64].fill(0xff);
    shell.write("folder.wasm/notes.txt", "");
    for (name, bytes, code, says) in [
        ("empty", Some(&b""[..]), 65, "the file is empty"),
        ("text", Some(b"a day in the life"), 65, "it is text, not a WebAssembly component"),
        ("core", Some(b"\0asm\x01\0\0\0"), 65, "a core WebAssembly module, not a component"),
        ("half", Some(&whole[..whole.len() / 2]), 65, "cut off or damaged at byte"),
        ("machine", Some(b"\x7fELF\x02\x01\x01\0"), 65, "compiled machine code (.cwasm)"),
        ("picture", Some(b"\x89PNG\r\n\x1a\n"), 65, "it is not WebAssembly"),
        ("folder", None, 74, "it is a folder"),
        ("missing", None, 74, "No such file"),
    ] {
        let file = format!("{name}.wasm");
        if let Some(bytes) = bytes {
            shell.write(&file, bytes);
        }
        for line in [
            "plugin inspect FILE",
            "plugin check FILE",
            "plugin call FILE describe",
            "plugin test . --file FILE",
        ] {
            shell.write("cases/a.json", r#"{"expect": {}}"#);
            let line = line.replace("FILE", &file);
            let error = shell.error(&line, code);
            let message = error["message"].as_str().unwrap();
            assert!(message.starts_with(&file) && message.contains(says), "{line}: {says:?} in {error}");
            assert_eq!(message.lines().count(), 1, "{line}: {error}");
            assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{line}: {error}");
        }
    }
    shell.write("damaged.wasm", damaged);
    for line in ["plugin check damaged.wasm", "plugin call damaged.wasm describe"] {
        shell.error(line, 65);
    }
    // A component for something else can be looked at, but not used.
    shell.write("other.wasm", b"\0asm\x0d\0\x01\0");
    let seen = shell.document("plugin inspect other.wasm", 0);
    assert_eq!((&seen["kind"], &seen["contract"]), (&"component".into(), &Value::Null), "{seen}");
    let error = shell.error("plugin check other.wasm", 65);
    assert!(error["message"].as_str().unwrap().contains("it exports nothing"), "{error}");
}

#[test]
fn a_component_can_be_looked_at_without_being_run() {
    let shell = Shell::new();
    shell.write("brief.wasm", brief());
    let seen = shell.document("plugin inspect brief.wasm", 0);
    assert_eq!((&seen["kind"], &seen["contract"]), (&"component".into(), &"0.1.0".into()));
    assert_eq!(seen["exports"], json!(["persona:behavior/behavior@0.1.0"]));
    assert!(
        seen["producers"].as_array().unwrap().iter().any(|producer| producer["name"] == "Rust"),
        "{seen}"
    );
    let said = shell.call("plugin inspect brief.wasm");
    for words in ["a behavior plugin, contract 0.1.0", "persona:behavior/log@0.1.0", "Rust"] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }
}

#[test]
fn settings_are_those_that_are_given_or_those_of_the_configuration() {
    let shell = Shell::new();
    shell.write("brief.wasm", brief());
    shell.write("good.json", r#"{"minutes": 7}"#);
    shell.write("bad.json", r#"{"minutes": "many"}"#);
    shell.write("none.json", "{");
    let verdict = |line: &str, code| {
        let document = shell.document(line, code);
        let findings = document["findings"].as_array().unwrap();
        let of_settings: Vec<Value> =
            findings.iter().filter(|finding| finding["name"] == "check-settings").cloned().collect();
        of_settings
    };
    assert_eq!(verdict("plugin check brief.wasm --settings good.json", 0)[0]["verdict"], "ok");
    let refused = verdict("plugin check brief.wasm --settings bad.json", 65);
    assert_eq!(refused[0]["verdict"], "refused", "{refused:?}");
    assert!(refused[0]["says"].as_str().unwrap().contains("/minutes"), "{refused:?}");
    let error = shell.error("plugin check brief.wasm --settings none.json", 65);
    assert!(error["message"].as_str().unwrap().starts_with("none.json is not JSON"), "{error}");

    shell.write(
        "persona-host.toml",
        "[strategies.short]\nplugin = \"brief\"\nsettings = { minutes = 2 }\n\
         [strategies.long]\nplugin = \"brief\"\nsettings = { minutes = 600 }\n\
         [strategies.daily]\nplugin = \"daily\"\n",
    );
    let both = verdict("plugin check brief.wasm", 65);
    let said: Vec<(&str, bool)> = (both.iter())
        .map(|finding| {
            (finding["verdict"].as_str().unwrap(), finding["says"].as_str().unwrap().contains("of strategy "))
        })
        .collect();
    // The last is the strategy that there is for each plugin that is built in.
    assert_eq!(said, [("refused", true), ("ok", true), ("ok", false)]);
    assert_eq!(both[1]["strategy"], "short");
}

#[test]
fn what_the_operator_asks_of_signatures_is_asked_here_too() {
    let shell = Shell::new();
    shell.write("own.wasm", brief());
    let ask_for = |signatures: &str| {
        let key = format!("{}=", "A".repeat(43));
        let text = format!("[plugins]\nsignatures = \"{signatures}\"\ntrusted_keys = [\"{key}\"]\n");
        shell.write("persona-host.toml", text);
    };
    ask_for("permissive");
    let checked = shell.document("plugin check own.wasm", 0);
    let findings = checked["findings"].as_array().unwrap();
    let trust = findings.iter().find(|finding| finding["name"] == "trust").unwrap();
    assert_eq!((&trust["verdict"], &trust["says"]), (&"warn".into(), &"it has no signature".into()));

    ask_for("strict");
    for line in ["plugin check own.wasm", "plugin call own.wasm describe"] {
        let error = shell.error(line, 65);
        assert!(
            error["message"].as_str().unwrap().contains("own.wasm is refused (trust): it has no signature"),
            "{error}"
        );
    }
    // Looking at it runs nothing, and so needs no trust.
    shell.document("plugin inspect own.wasm", 0);
}

#[test]
fn one_function_is_called_as_in_a_turn_with_what_is_given() {
    let shell = Shell::new();
    shell.write("brief.wasm", brief());
    shell.write("catalog.json", super::catalog(&["ole", "jule"]));
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
fn a_plugin_of_whose_ratings_the_host_keeps_none_is_not_one_that_it_would_use() {
    let shell = Shell::new();
    shell.write("misfit.wasm", builds::misfit("lie-in-ratings"));
    let said = shell.call("plugin check misfit.wasm");
    ended(&said, 65);
    for words in [
        "✗ parse-rating    none of the ratings that it read can be used\n",
        "moon: the plugin rated a module that was not used; dropped",
        "the host would not use it: 1 refused",
    ] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }
}

#[test]
fn settings_that_are_refused_end_a_call_about_them_with_65() {
    let shell = Shell::new();
    shell.write("misfit.wasm", builds::misfit("nothing"));
    for (misdeed, code, says) in [("refuse", 65, "I would rather not"), ("nothing", 0, "no problem")] {
        shell.write("settings.json", json!({ "do": misdeed }).to_string());
        let said = shell.call("plugin call misfit.wasm check-settings --settings settings.json");
        ended(&said, code);
        assert!(said.stdout.contains(says), "{}", said.stdout);
    }
}

#[test]
fn a_case_that_fails_says_what_is_different_and_a_mistake_in_one_what_is_meant() {
    let shell = Shell::new();
    shell.write("brief.wasm", brief());
    let line = "plugin test . --file brief.wasm";
    shell.write(
        "cases/wrong.json",
        r#"{"about": "not so", "expect": {
            "turn": {"contains": ["noch ein Satz"], "lacks": ["minutes"], "maxRounds": 3},
            "ratings": [{"module": "todo", "score": 1}], "problems": ["nothing"]}}"#,
    );
    shell.write("cases/right.json", r#"{"expect": {"turn": {"contains": ["Du bist Anna"]}}}"#);
    let said = shell.call(line);
    ended(&said, 100);
    for words in [
        "✓ right",
        "✗ wrong",
        "    compose-turn does not say \"noch ein Satz\"\n",
        "    compose-turn says \"minutes\", and must not\n",
        "    compose-turn wants 6 rounds, expected 3 rounds\n",
        "    todo is rated 4, expected 1\n",
        "    journal is rated 3, and no rating is expected\n",
        "    no problem says \"nothing\"\n",
        "\n1 passed, 1 failed\n",
    ] {
        assert!(said.stdout.contains(words), "{words:?} in {}", said.stdout);
    }
    let document = shell.document(line, 100);
    assert_eq!((&document["passed"], &document["failed"]), (&1.into(), &1.into()));
    assert!(document["cases"][1]["fuel"].as_u64().is_some_and(|fuel| fuel > 0), "{document}");

    shell.write("cases/wrong.json", r#"{"expect": {"turn": {"contain": ["a"]}}}"#);
    let error = shell.error(line, 65);
    assert_eq!(error["message"], "./cases/wrong.json: expect.turn: unknown field \"contain\"");
    assert_eq!(error["hint"], "did you mean \"contains\"?");
}

/// The block of the guide that holds `words`.
fn of_guide(words: &str) -> &'static str {
    let guide = include_str!("../../../../docs/write-a-behavior.md");
    guide
        .split("```toml\n")
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.contains(words))
        .unwrap()
}

#[test]
fn the_guide_ends_with_an_experiment_that_can_be_run() {
    let shell = Shell::new();
    // It takes any settings.
    shell.write("plugins/my-plugin.wasm", builds::misfit("nothing"));
    shell.write("persona-host.toml", of_guide("[strategies.tidy]"));
    shell.write("tidy-or-dry.toml", of_guide("key = \"tidy-or-dry\""));
    ended(&shell.call("experiment check tidy-or-dry.toml"), 0);
}
