//! The settings that a plugin is checked and called with.

use serde_json::{Value, json};

use super::{brief, ended};
use crate::commands::Shell;
use crate::support::builds;

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
