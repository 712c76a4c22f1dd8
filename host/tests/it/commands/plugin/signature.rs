//! What the operator asks of signatures.

use super::brief;
use crate::commands::Shell;

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
