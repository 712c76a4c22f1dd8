//! A file that should be a component: refused, or looked at.

use serde_json::{Value, json};

use super::brief;
use crate::commands::Shell;

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
