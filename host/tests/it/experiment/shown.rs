//! Reports as the program writes them, and what it tells pipelines.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn each_form_is_written_into_a_file_in_one_move() {
    let folder = with_rows();
    for (options, begins) in [
        ("--form html", "<!DOCTYPE html>"),
        ("--form markdown", "# Experiment rows"),
        ("--form text", "experiment rows"),
        ("--json", "{"),
        // Plain text stays plain, whatever the terminal can do.
        ("", "experiment rows"),
    ] {
        let said = call(folder.path(), &format!("experiment analyze rows.csv {options} --out report"));
        assert_eq!(said.status.code(), Some(0), "{options}: {said:?}");
        assert!(String::from_utf8_lossy(&said.stdout).contains("report"), "{options}: {said:?}");
        let text = std::fs::read_to_string(folder.path().join("report")).unwrap();
        assert!(text.starts_with(begins), "{options}: {text}");
        assert!(!text.contains('\u{1b}'), "{options}: a style is left in the file");
        let mut files: Vec<String> = (std::fs::read_dir(folder.path()).unwrap())
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        assert_eq!(files, ["report", "rows.csv"], "{options}");
    }
}

#[test]
fn the_file_and_standard_output_hold_the_same_document() {
    let folder = with_rows();
    let printed = call(folder.path(), "experiment analyze rows.csv --json");
    let written = call(folder.path(), "experiment analyze rows.csv --json --out report.json");
    let file = std::fs::read(folder.path().join("report.json")).unwrap();
    assert_eq!(String::from_utf8_lossy(&printed.stdout), String::from_utf8_lossy(&file));
    let place: Value = serde_json::from_slice(&written.stdout).unwrap();
    assert_eq!(place["written"], "report.json");
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure_and_leaves_nothing() {
    let folder = with_rows();
    for place in ["nowhere/report.html", ".."] {
        let said = call(folder.path(), &format!("experiment analyze rows.csv --form html --out {place}"));
        assert_eq!(said.status.code(), Some(74), "{place}: {said:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_gate_that_was_called_wrongly_gives_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for (line, code) in [
        ("experiment gate", 65),
        ("experiment gate key --unknown", 65),
        ("--json experiment gate", 65),
        // Elsewhere wrong arguments have clap's own code.
        ("experiment report", 2),
        ("experiment analyze gate --unknown", 2),
    ] {
        let said = call(folder.path(), line);
        assert_eq!(said.status.code(), Some(code), "{line}: {said:?}");
    }
    let help = call(folder.path(), "experiment gate --help");
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn each_field_of_a_report_is_described() {
    let described = include_str!("../../../../docs/experiments-report.md");
    let words: Vec<&str> = described.split(|letter: char| !letter.is_alphanumeric()).collect();
    let report: Value =
        serde_json::from_str(include_str!("../../../../crates/experiment/tests/it/sample.json")).unwrap();
    let mut names = Vec::new();
    keys(&report, &mut names);
    assert!(names.len() > 100);
    for name in names {
        assert!(words.contains(&name.as_str()), "docs/experiments-report.md does not describe `{name}`");
    }
}

/// Each name of a field, wherever it is.
fn keys(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name.clone());
                keys(value, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, names)),
        _ => {}
    }
}

/// A folder with ratings of four personas in twelve blocks.
fn with_rows() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "persona,block,module,arm,rating\n".to_owned();
    for persona in 0..4 {
        for block in 0..12 {
            let (control, treatment) = (2 + (block + persona) % 2, 3 + block % 2);
            writeln!(rows, "p{persona},{block},todo,control,{control}").unwrap();
            writeln!(rows, "p{persona},{block},todo,warm,{treatment}").unwrap();
        }
    }
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    folder
}

/// Calls the program with the words of `line`, in a folder and with no environment.
fn call(folder: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_persona-host"));
    command.args(line.split_whitespace()).current_dir(folder).env_clear();
    command.output().expect("the program starts")
}
