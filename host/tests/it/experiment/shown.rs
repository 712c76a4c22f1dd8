//! Reports as the program writes them, and what it tells pipelines.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// What the answer to a program holds.
fn data(said: &std::process::Output) -> Value {
    let document: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    document["data"].clone()
}

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
        let mode = folder.path().join("report").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{options}: ratings and personas are nobody else's business");
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
    let report = data(&printed);
    let checks = report["health"].as_array().unwrap();
    assert!(
        checks.iter().any(|check| check["name"] == "planned-blocks"),
        "what is taken for the end is said"
    );
    assert_eq!(report, serde_json::from_slice::<Value>(&file).unwrap());
    assert_eq!(data(&written)["written"], "report.json");
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
        ("experiment analyze rows.csv --gate --unknown", 65),
        ("experiment analyze --gate", 65),
        ("experiment analyze nothing.csv --gate", 74),
    ] {
        let said = call(folder.path(), line);
        assert_eq!(said.status.code(), Some(code), "{line}: {said:?}");
    }
    let help = call(folder.path(), "experiment gate --help");
    assert_eq!(help.status.code(), Some(0));
}

#[test]
fn rows_from_anywhere_have_a_gate_too() {
    let folder = tempfile::tempdir().unwrap();
    for (control, treatment, blocks, code, outcome) in [
        (3, 4, 20, 0, "pass"),
        (4, 3, 20, 1, "worse"),
        (3, 4, 8, 2, "inconclusive"),
        // Nobody finishes a second turn under the treatment.
        (3, 0, 20, 3, "unhealthy"),
    ] {
        std::fs::write(folder.path().join("rows.csv"), crossover(control, treatment, blocks)).unwrap();
        let said = call(folder.path(), "--json experiment analyze rows.csv --gate");
        assert_eq!(said.status.code(), Some(code), "{outcome}: {said:?}");
        let judgement = data(&said);
        assert_eq!(
            (&judgement["outcome"], &judgement["exit"]),
            (&outcome.into(), &code.into()),
            "{judgement}"
        );
        // A page for whoever asks why.
        let said = call(folder.path(), "experiment analyze rows.csv --gate --form html --out why.html");
        let line = String::from_utf8_lossy(&said.stdout).into_owned();
        assert_eq!((said.status.code(), line.lines().count()), (Some(code), 1), "{outcome}: {line}");
        assert!(line.starts_with(&format!("{outcome}: ")), "{line}");
        assert!(std::fs::read_to_string(folder.path().join("why.html")).unwrap().starts_with("<!DOCTYPE"));
    }
    std::fs::write(folder.path().join("rows.csv"), crossover(9, 4, 8)).unwrap();
    let said = call(folder.path(), "experiment analyze rows.csv --gate");
    assert_eq!(said.status.code(), Some(65), "{said:?}");
}

#[test]
fn a_split_that_was_meant_to_be_uneven_is_healthy_when_its_weights_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = "persona,block,module,arm,rating\n".to_owned();
    for persona in 0..40 {
        let arm = if persona % 5 == 0 { "brief" } else { "control" };
        for block in 0..3 {
            writeln!(rows, "p{persona},{block},todo,{arm},{}", 2 + (persona + block) % 3).unwrap();
        }
    }
    std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
    for (weights, status) in [
        ("", "unhealthy"),
        ("--weights control=0.8,brief=0.2", "ok"),
        ("--weights brief=0.2,control=0.8", "ok"),
        ("--weights control=0.2,brief=0.8", "unhealthy"),
    ] {
        let said = call(folder.path(), &format!("experiment analyze rows.csv --json {weights}"));
        let report = data(&said);
        let checks = report["health"].as_array().unwrap();
        let dealt = checks.iter().find(|check| check["name"] == "srm-assigned").unwrap();
        assert_eq!(dealt["status"], status, "{weights}: {dealt}");
    }
    for (weights, says) in [
        ("control=0.8", "leaves an arm out"),
        ("control=0.8,brief=0.3", "sum to 1.1"),
        ("control=0.8,brief", "\"brief\" is no ARM=PART"),
        ("control=0.8,brief=0.1,brief=0.1", "names the arm brief twice"),
        ("control=0.8,warm=0.2", "an arm \"warm\" that has no rows"),
        ("control=1,brief=0", "a weight is 0"),
        ("control=0.5,brief=0.5 --design crossover", "a crossover has no weights"),
    ] {
        let said = call(folder.path(), &format!("experiment analyze rows.csv --weights {weights}"));
        let told = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!((said.status.code(), told.contains(says)), (Some(65), true), "{weights}: {told}");
    }
}

#[test]
fn a_split_is_unhealthy_where_nearly_everybody_is_in_one_arm_and_silent_where_few_are_in_it_at_all() {
    let folder = tempfile::tempdir().unwrap();
    for (control, brief, status, code) in [
        (36, 4, "unhealthy", Some(3)),
        (4, 36, "unhealthy", Some(3)),
        (77, 3, "unhealthy", Some(3)),
        (15, 1, "unhealthy", Some(3)),
        // So uneven are sixteen now and then, and of fewer nothing can be said.
        (14, 2, "ok", Some(2)),
        (13, 1, "ok", Some(2)),
        (2, 2, "ok", Some(2)),
    ] {
        let mut rows = "persona,block,module,arm,rating\n".to_owned();
        for persona in 0..control + brief {
            let arm = if persona < control { "control" } else { "brief" };
            for block in 0..3 {
                writeln!(rows, "p{persona},{block},todo,{arm},{}", 2 + (persona + block) % 3).unwrap();
            }
        }
        std::fs::write(folder.path().join("rows.csv"), rows).unwrap();
        let said = call(folder.path(), "experiment analyze rows.csv --design split --json");
        let report = data(&said);
        let checks = report["health"].as_array().unwrap();
        let dealt = checks.iter().find(|check| check["name"] == "srm-assigned").unwrap();
        assert_eq!(dealt["status"], status, "{control} : {brief}: {dealt}");
        let said = call(folder.path(), "experiment analyze rows.csv --design split --gate");
        assert_eq!(said.status.code(), code, "{control} : {brief}: {said:?}");
    }
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

/// Ten personas who always rate alike; a rating of 0 is one of 3 in the first block, and then turns that come to nothing.
fn crossover(control: u32, treatment: u32, blocks: u32) -> String {
    let mut rows = "persona,block,module,arm,rating,reached\n".to_owned();
    for (persona, block) in (0..10).flat_map(|persona| (0..blocks).map(move |block| (persona, block))) {
        for (arm, rating) in [("control", control), ("warm", treatment)] {
            let cells = match rating {
                0 if block == 0 => format!("todo,{arm},3,parsed"),
                0 => format!(",{arm},,started"),
                rating => format!("todo,{arm},{rating},parsed"),
            };
            writeln!(rows, "p{persona},{block},{cells}").unwrap();
        }
    }
    rows
}

/// A folder with ratings of four personas in twelve blocks.
#[test]
fn rows_that_stand_ins_gave_say_so_wherever_they_go() {
    let folder = with_rows();
    let rows = std::fs::read_to_string(folder.path().join("rows.csv")).unwrap();
    for (own, told) in [("true", true), ("false", false), ("", false)] {
        let marked = rows.lines().enumerate().map(|(place, line)| {
            let cell = if place == 0 { "stand_in" } else { own };
            format!("{line},{cell}\n")
        });
        std::fs::write(folder.path().join("marked.csv"), marked.collect::<String>()).unwrap();
        let said = call(folder.path(), "experiment analyze marked.csv");
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(text.contains("A scripted Claude gave these ratings"), told, "{own}: {text}");
    }
}

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
