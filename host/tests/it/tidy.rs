//! The rules of the house that a test can keep (CONTRIBUTING.md tells the others): imports go down,
//! each outside thing has one room, files are short and say what they are for, and names are those of
//! the glossary.
//!
//! The rules are plain functions over a file's path and text, so that the tests can show that each of
//! them finds something.

use std::fs;
use std::path::{Path, PathBuf};

/// Longer than this, a file has more than one subject.
const MOST_LINES: usize = 600;
/// From here on a file is named in the test's output (`cargo test tidy -- --nocapture`).
const MANY_LINES: usize = 450;

/// Words that say nothing, or something else here.
const BANNED: [&str; 12] = [
    "bucket", "data", "handler", "helper", "helpers", "hook", "info", "job", "manager", "service", "util",
    "utils",
];

/// A crate, and the only places that may name it, below `host/src` or in another crate of ours. What a crate of ours
/// may not name at all, its manifest keeps.
const OWNED: [(&str, &[&str]); 29] = [
    ("anstream", &["cli/"]),
    ("axum", &["http/", "crates/standin/"]),
    ("clap", &["cli/", "main.rs"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("comfy_table", &["cli/"]),
    ("croner", &["crates/schedule/"]),
    ("hyper", &["http/connections.rs"]),
    ("hyper_util", &["http/connections.rs"]),
    ("maud", &["crates/experiment/src/page/", "http/pages/"]),
    ("miette", &["cli/"]),
    ("opentelemetry_proto", &["telemetry/traces/"]),
    ("prometheus_client", &["telemetry/"]),
    ("prost", &["telemetry/traces/"]),
    ("reqwest", &["mana/", "model/", "outbound.rs", "outbound/"]),
    ("rmcp", &["mcp/", "crates/standin/src/mana_mcp/"]),
    ("rustls", &["outbound.rs"]),
    (
        "rustix",
        &[
            "behavior/proof/",
            "cli/keys.rs",
            "disk.rs",
            "http/connections.rs",
            "private.rs",
            "store/volume.rs",
        ],
    ),
    ("rusqlite", &["store/database/"]),
    // The configuration, and whatever the API answers with.
    ("schemars", &["behavior/", "config/", "crates/domain/", "http/", "runner/", "store/"]),
    ("sd_notify", &["app/"]),
    ("sqlx", &["store/", "crates/standin/src/database.rs", "crates/standin/src/database/"]),
    ("standin", &["app/"]),
    ("subtle", &["http/lock.rs"]),
    ("toml", &["config/", "workshop/"]),
    ("tracing_subscriber", &["telemetry/"]),
    ("wasmtime", &["behavior/"]),
    ("wasmtime_environ", &["behavior/"]),
    ("wasmtime_wasi", &["behavior/"]),
];

/// Ways to make a file or a folder that everybody may read, and who may go them: an author's project is the author's, and a
/// manual is everybody's.
const OPEN_WAYS: [&str; 5] =
    ["fs::write(", "File::create(", "OpenOptions::new(", "create_dir_all", "fs::copy("];
const AUTHORS: [&str; 5] = [
    "host/src/private.rs",
    "host/src/workshop/",
    "host/src/cli/verbs/man.rs",
    "host/src/cli/verbs/plugin/component.rs",
    "host/src/cli/verbs/plugin/test.rs",
];

/// Who may read variables: the configuration, what the command line hands it, and what a terminal says of itself.
const READERS: [&str; 3] = ["host/src/config/", "host/src/cli/load.rs", "host/src/cli/terminal.rs"];

#[test]
fn imports_go_down_only() {
    let lib = read(&repository().join("host/src/lib.rs"));
    let floors = floors(&lib);
    assert!(floors.len() >= 5, "host/src/lib.rs lists the floors as groups of modules: {floors:?}");
    check_host(|path, text| {
        let own = room(path);
        let upward = rooms_named(text).into_iter().filter(|named| !may_name(&floors, own, named));
        upward.map(|named| format!("{own} may not name {named}, which is not below it")).collect()
    });
}

#[test]
fn no_path_climbs_over_two_folders() {
    check_host(|_, text| {
        let climbs = code(text).any(|line| line.contains("super::super"));
        climbs
            .then(|| "super::super hides where a path leads: write crate::".to_owned())
            .into_iter()
            .collect()
    });
}

#[test]
fn each_outside_thing_has_its_room() {
    let mut sources = sources(&["host/src", "crates"]);
    sources.retain(|(path, _)| path.contains("/src/"));
    check(&sources, strangers);
}

#[test]
fn one_function_is_unsafe_and_has_a_file_of_its_own() {
    let unsafe_code = |text: &str| code(text).filter(|line| line.contains("unsafe ")).count();
    let mut sources = sources(&FOLDERS);
    // This file names what it looks for.
    sources.retain(|(path, text)| !path.ends_with("tidy.rs") && unsafe_code(text) > 0);
    let places: Vec<_> = sources.iter().map(|(path, text)| (path.as_str(), unsafe_code(text))).collect();
    assert_eq!(places, [("host/src/behavior/artifact.rs", 1)]);
}

#[test]
fn what_is_written_is_its_owners_alone() {
    check_host(openly_written);
}

#[test]
fn variables_are_read_where_they_are_looked_for() {
    check_host(reads_variables);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    check(&sources(&FOLDERS), |_, text| {
        let silent = !text.starts_with("//! ");
        silent.then(|| "the first line is no //! that says the file's job".to_owned()).into_iter().collect()
    });
}

#[test]
fn files_are_short() {
    check(&sources(&FOLDERS), |path, text| {
        let lines = text.lines().count();
        if lines > MANY_LINES {
            println!("{path}: {lines} lines");
        }
        let long = lines > MOST_LINES;
        long.then(|| format!("{lines} lines: part what has two subjects")).into_iter().collect()
    });
}

#[test]
fn no_file_has_a_name_that_says_nothing() {
    check(&sources(&FOLDERS), |path, _| {
        let banned = banned_words(path);
        banned.map(|word| format!("`{word}` is none of our words (ARCHITECTURE.md lists them)")).collect()
    });
}

#[test]
fn the_rules_find_what_they_are_for() {
    let floors = floors("//! Text.\n\npub mod config;\n\npub mod mana;\npub mod mcp;\n\npub mod turn;\n");
    assert_eq!(floors, [vec!["config"], vec!["mana", "mcp"], vec!["turn"]]);
    for (own, text, upward) in [
        ("turn", "use crate::mana::Mana;\nuse crate::config::Config;", vec![]),
        ("mana", "use crate::mana::error::ManaError;", vec![]),
        ("mana", "use crate::turn::Turn;", vec!["turn"]),
        ("mana", "    let names = crate::mcp::Names::default();", vec!["mcp"]),
        ("config", "use crate::{\n    mana::{self, Mana},\n    turn,\n};", vec!["mana", "turn"]),
        ("config", "use crate::attic::Chest;", vec!["attic"]),
        ("mana", "/// Unlike [`crate::mcp::Names`].\n// crate::turn", vec![]),
        ("mana", "pub(in crate::mana) fn told() {}", vec![]),
    ] {
        let named = rooms_named(text).into_iter().filter(|named| !may_name(&floors, own, named));
        assert_eq!(named.collect::<Vec<_>>(), upward, "{own}: {text}");
    }
    for (path, text, found) in [
        ("host/src/mana/due.rs", "use sqlx::Row;", 1),
        ("host/src/store/read.rs", "use sqlx::Row;", 0),
        ("crates/standin/src/database.rs", "    cause: sqlx::Error,", 0),
        ("crates/standin/src/stack.rs", "    cause: sqlx::Error,", 1),
        ("host/src/runner/blocks.rs", "use standin::mana_mcp::ManaMcp;", 1),
        ("host/src/turn/tools.rs", "use rmcp as protocol;", 1),
        ("host/src/turn/tools.rs", "// Not `rmcp::model::Tool`.", 0),
        ("host/src/turn/tools.rs", "use crate::http_rmcp::Tool;", 0),
    ] {
        assert_eq!(strangers(path, text).len(), found, "{path}: {text}");
    }
    for (path, text, found) in [
        ("host/src/store/record.rs", "    std::fs::write(path, prompt)?;", 1),
        ("host/src/store/record.rs", "#[cfg(test)]\nmod tests {\n    fs::write(path, prompt);", 0),
        ("host/src/store/tests.rs", "    fs::write(path, prompt);", 0),
        ("host/src/store/tests/rows.rs", "    fs::write(path, prompt);", 0),
        ("host/src/store/record.rs", "    private::write(path, prompt)?;", 0),
        ("host/src/workshop/build.rs", "    fs::create_dir_all(folder)", 0),
    ] {
        assert_eq!(openly_written(path, text).len(), found, "{path}: {text}");
    }
    for (path, text, found) in [
        ("host/src/telemetry/log.rs", "    let filter = std::env::var(\"RUST_LOG\");", 1),
        ("host/src/telemetry/log.rs", "    // std::env::var tells nothing here", 0),
        ("host/src/cli/terminal.rs", "    let filter = std::env::var(\"RUST_LOG\");", 0),
    ] {
        assert_eq!(reads_variables(path, text).len(), found, "{path}: {text}");
    }
    for (path, found) in [
        ("host/src/mana/space_helper.rs", vec!["helper"]),
        ("host/src/util/mod.rs", vec!["util"]),
        ("crates/standin/src/database.rs", vec![]),
    ] {
        assert_eq!(banned_words(path).collect::<Vec<_>>(), found, "{path}");
    }
}

/// Where a variable of the environment is read by whoever may not.
fn reads_variables(path: &str, text: &str) -> Vec<String> {
    if READERS.iter().any(|own| path.starts_with(own)) {
        return Vec::new();
    }
    let lines = code(text).filter(|line| line.contains("env::var"));
    lines.map(|line| format!("{}: what it says has to be given", line.trim())).collect()
}

/// Where the program, and not one of its tests, makes a file that others may read.
fn openly_written(path: &str, text: &str) -> Vec<String> {
    if AUTHORS.iter().any(|own| path.starts_with(own))
        || path.ends_with("tests.rs")
        || path.contains("/tests/")
    {
        return Vec::new();
    }
    let program = text.split("#[cfg(test)]").next().unwrap_or(text);
    let ways = OPEN_WAYS.iter().filter(|way| code(program).any(|line| line.contains(*way)));
    ways.map(|way| format!("{way} makes what others may read: use crate::private")).collect()
}

/// The modules of `lib.rs`, lowest floor first: an empty line parts two floors.
fn floors(lib: &str) -> Vec<Vec<&str>> {
    let module = |line| str::strip_prefix(line, "pub mod ")?.strip_suffix(';');
    let groups = lib.split("\n\n").map(|group| group.lines().filter_map(module).collect::<Vec<_>>());
    groups.filter(|group| !group.is_empty()).collect()
}

/// Whether `own` may name `named`: itself, or what is on a lower floor.
fn may_name(floors: &[Vec<&str>], own: &str, named: &str) -> bool {
    let floor = |room| floors.iter().position(|floor| floor.contains(&room));
    own == named || floor(named).is_some_and(|named| floor(own).is_none_or(|own| named < own))
}

/// The room that a file of the host belongs to: `mana` for `host/src/mana/due.rs`.
fn room(path: &str) -> &str {
    let inside = path.trim_start_matches("host/src/");
    inside.split(['/', '.']).next().unwrap_or(inside)
}

/// The modules that follow `crate::` in code, one of them or a group in braces.
fn rooms_named(text: &str) -> Vec<String> {
    let code: String = code(text).collect::<Vec<_>>().join("\n");
    code.split("crate::")
        .skip(1)
        .flat_map(|path| {
            let group = path.strip_prefix('{').map(first_names);
            group.unwrap_or_else(|| vec![identifier(path)])
        })
        .collect()
}

/// The first name of each path in a group, whose opening brace is gone.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut paths) = (0, vec![String::new()]);
    for letter in group.chars() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => paths.push(String::new()),
            _ if depth == 0 => paths.last_mut().unwrap().push(letter),
            _ => {}
        }
    }
    paths.iter().map(|path| identifier(path.trim())).filter(|name| !name.is_empty()).collect()
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The crates that a file names and may not.
fn strangers(path: &str, text: &str) -> Vec<String> {
    let inside = path.trim_start_matches("host/src/");
    let foreign = OWNED.iter().filter(|(_, owners)| !owners.iter().any(|owner| inside.starts_with(owner)));
    let found = foreign.filter(|(name, _)| code(text).any(|line| names_crate(line, name)));
    found.map(|(name, owners)| format!("only {} may name {name}", owners.join(", "))).collect()
}

/// Whether a line has `name::`, `use name;` or `use name as …`.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let is_whole = !before.ends_with(|letter: char| letter.is_alphanumeric() || "_:\"".contains(letter));
        let is_used = before.trim_end().ends_with("use") && after.starts_with([';', ' ']);
        is_whole && (after.starts_with("::") || is_used)
    })
}

/// The words of a path that are banned.
fn banned_words(path: &str) -> impl Iterator<Item = &str> {
    path.split(['/', '.', '_', '-']).filter(|word| BANNED.contains(word))
}

/// The lines that are no comment.
pub(crate) fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// Where Rust is written.
const FOLDERS: [&str; 5] = ["crates", "host/src", "host/tests", "host/benches", "plugins"];

/// Applies a rule to the host's own files, except for `lib.rs`, which lists all rooms.
#[track_caller]
fn check_host(rule: impl Fn(&str, &str) -> Vec<String>) {
    let mut sources = sources(&["host/src"]);
    sources.retain(|(path, _)| path != "host/src/lib.rs");
    check(&sources, rule);
}

#[track_caller]
fn check(sources: &[(String, String)], rule: impl Fn(&str, &str) -> Vec<String>) {
    assert!(sources.len() > 50, "the sources are not where they were looked for");
    let complaints: Vec<String> = (sources.iter())
        .flat_map(|(path, text)| {
            rule(path, text).into_iter().map(move |complaint| format!("{path}: {complaint}"))
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Each Rust file below these folders: its path in the repository, with slashes, and its text.
pub(crate) fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| repository().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "target" && name != "node_modules" {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(repository()).unwrap().to_string_lossy().replace('\\', "/");
                found.push((inside, read(&path)));
            }
        }
    }
    found.sort();
    found
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
