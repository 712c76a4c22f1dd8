//! SECURITY.md names a test for each attack: those that it names are there, and an attack without one says why.

use std::path::Path;

use crate::tidy::{repository, sources};

/// Attacks that no test makes, by the words that say why not.
const REASONED: [&str; 2] = ["there is none: the engine is part of the process", "`cargo deny`"];

#[test]
fn each_attack_names_tests_that_are_there() {
    let text = std::fs::read_to_string(repository().join("SECURITY.md")).unwrap();
    let tests = sources(&["host", "crates", "plugins"]);
    let (rows, complaints) = complaints(&text, &tests);
    assert!(rows > 20, "the table of attacks is where it was: {rows} rows");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn what_is_not_there_is_found() {
    let tests = [("host/tests/it/http/many.rs".to_owned(), "async fn nobody_comes_in() {".to_owned())];
    for (what, found) in [
        ("`http/many.rs`", 0),
        ("`many.rs` and `nobody_comes_in`", 0),
        ("`http/`", 0),
        ("`any.rs`", 1),
        ("`http/few.rs`, `somebody_comes_in`", 2),
        ("`nobody_comes`", 1),
        ("it is reasoned", 1),
        ("there is none: the engine is part of the process", 0),
    ] {
        let text = format!(
            "## Attacks\n\n| attack | |\n| --- | --- |\n| a | {what} |\n\n## More\n\n| b | `c.rs` |\n"
        );
        let (rows, complaints) = complaints(&text, &tests);
        assert_eq!((rows, complaints.len()), (1, found), "{what}: {complaints:?}");
    }
}

/// How many attacks there are, and what is wrong with them.
fn complaints(text: &str, tests: &[(String, String)]) -> (usize, Vec<String>) {
    let table = text.split("\n## ").find_map(|part| part.trim_start_matches("## ").strip_prefix("Attacks"));
    let rows = table.unwrap_or_default().lines().filter(|line| line.starts_with("| ")).skip(2);
    let (mut attacks, mut complaints) = (0, Vec::new());
    for row in rows {
        attacks += 1;
        let [_, attack, shows, ..] = row.split('|').map(str::trim).collect::<Vec<_>>()[..] else { continue };
        let named: Vec<&str> = shows.split('`').skip(1).step_by(2).filter(|word| is_name(word)).collect();
        if named.is_empty() && !REASONED.iter().any(|words| shows.contains(words)) {
            complaints.push(format!("{attack}: no test is named"));
        }
        let missing = named.iter().filter(|name| !is_there(name, tests));
        complaints.extend(missing.map(|name| format!("{attack}: there is no {name}")));
    }
    (attacks, complaints)
}

/// Whether a word names a file, a folder or a test.
fn is_name(word: &str) -> bool {
    let is_path =
        Path::new(word).extension().is_some_and(|extension| extension == "rs") || word.ends_with('/');
    is_path || word.matches('_').count() > 1
}

fn is_there(name: &str, tests: &[(String, String)]) -> bool {
    let inside = format!("/{name}");
    match name.ends_with('/') {
        true => tests.iter().any(|(path, _)| path.contains(&inside)),
        false if name.ends_with(".rs") => tests.iter().any(|(path, _)| path.ends_with(&inside)),
        false => tests.iter().any(|(_, text)| text.contains(&format!("fn {name}("))),
    }
}
