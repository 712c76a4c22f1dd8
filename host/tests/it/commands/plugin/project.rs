//! An author's project: begun, built and tested, and what is told when something for that is missing.

use domain::ids::Sha256Hex;
use serde_json::json;

use super::{brief, ended, workshop};
use crate::commands::Shell;

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
