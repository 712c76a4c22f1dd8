//! `plugin list`: what serves in the persona-host that runs.

use std::path::Path;

use comfy_table::{Attribute, Cell, Color};
use serde_json::Value;

use super::running::{running, text};
use crate::cli::Failure;
use crate::cli::output::Column::{Flowing, Number, Whole};
use crate::cli::output::{BAD, HEAD, ODD, Output, styled, table, text_width};
use crate::cli::text::{grouped, printable, set};

/// Lists the plugins.
///
/// # Errors
/// When no persona-host answers.
pub async fn list(url: Option<&str>, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let document = running(url, file)?.plugins().await?;
    output.print(&document, || plugins(&document))
}

fn plugins(document: &Value) -> String {
    let mut shown = table([
        Whole("plugin"),
        Whole("state"),
        Whole("generation"),
        Whole("version"),
        Whole("sha256"),
        Number("calls"),
        Number("traps"),
        Number("p50"),
        Number("p95"),
        Flowing("strategies"),
    ]);
    let mut notes = String::new();
    for plugin in document["plugins"].as_array().into_iter().flatten() {
        let builds = plugin["generations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let serving =
            builds.iter().find(|build| build["number"] == plugin["serving"] && build["number"].is_u64());
        let (word, color) = state(plugin, builds);
        let serving = serving.unwrap_or(&Value::Null);
        let digest = serving["sha256"].as_str().map_or("–", |digest| digest.get(..12).unwrap_or(digest));
        let number = |name: &str| serving[name].as_u64().unwrap_or_default();
        let milliseconds = |name: &str| match number("calls") {
            0 => "–".to_owned(),
            _ => format!("{}.{:02} ms", number(name) / 1000, number(name) % 1000 / 10),
        };
        let strategies: Vec<&str> =
            plugin["strategies"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        shown.add_row([
            Cell::new(printable(&text(plugin, "name"))),
            Cell::new(word).fg(color),
            Cell::new(text(plugin, "serving")),
            Cell::new(printable(&text(serving, "version"))),
            Cell::new(printable(digest)).add_attribute(Attribute::Dim),
            Cell::new(grouped(number("calls"))),
            Cell::new(grouped(number("traps"))),
            Cell::new(milliseconds("p50Us")),
            Cell::new(milliseconds("p95Us")),
            Cell::new(printable(&strategies.join(", "))),
        ]);
        notes += &told(plugin, builds);
    }
    format!("{}\n{notes}", shown.trim_fmt())
}

fn state(plugin: &Value, builds: &[Value]) -> (&'static str, Color) {
    if plugin["serving"].is_null() {
        ("not loaded", Color::Red)
    } else if !plugin["quarantine"].is_null() {
        ("quarantined", Color::Red)
    } else if builds.iter().any(|build| build["state"] == "canary") {
        ("canary", Color::Yellow)
    } else if plugin["orphaned"] == true {
        ("orphaned", Color::Yellow)
    } else {
        ("serving", Color::Green)
    }
}

/// The build on trial, and the warnings with which builds were let in that get turns.
fn let_in(plugin: &Value, builds: &[Value], name: &str) -> String {
    let mut notes = String::new();
    let on_trial = |build: &Value| build["state"] == "canary";
    let serves = |build: &Value| build["number"].is_u64() && build["number"] == plugin["serving"];
    for build in builds.iter().filter(|build| on_trial(build) || serves(build)) {
        if on_trial(build) {
            let label = format!("\n{name} {} ", styled(ODD, "has a build on trial:"));
            let digest = text(build, "sha256");
            let said = format!(
                "{}, generation {}, sha256 {}, {} calls, {} traps",
                text(build, "version"),
                text(build, "number"),
                digest.get(..12).unwrap_or(&digest),
                text(build, "calls"),
                text(build, "traps"),
            );
            notes += &set(&label, 2, &said, text_width());
        }
        if build["why"].is_string() {
            let label = format!("\n{name} {} ", styled(ODD, "was let in with a warning:"));
            let said = format!("generation {}: {}", text(build, "number"), text(build, "why"));
            notes += &set(&label, 2, &said, text_width());
        }
    }
    notes
}

/// What is worth a second look, below the table: the quarantine, a build on trial, what was let pass with a warning, and
/// the newest refusal, as long as what was refused is what lies in the folder, or a kept build.
fn told(plugin: &Value, builds: &[Value]) -> String {
    let name = styled(HEAD, printable(&text(plugin, "name")));
    let mut notes = String::new();
    let quarantine = &plugin["quarantine"];
    if !quarantine.is_null() {
        let label = format!("\n{name} {} ", styled(BAD, "is quarantined:"));
        let until = text(quarantine, "until");
        let said = format!(
            "{} broke down, tried again at {until}: {}",
            text(quarantine, "function"),
            text(quarantine, "cause")
        );
        notes += &set(&label, 2, &said, text_width());
    }
    notes += &let_in(plugin, builds, &name);
    let is_newest = |build: &&Value| build["origin"] == "a kept build" && builds.first() == Some(*build);
    let mut refused = builds.iter().filter(|build| build["state"] == "refused");
    if let Some(refused) = refused.next().filter(|build| plugin["refused"] == true || is_newest(build)) {
        let label = format!("\n{name} {} ", styled(ODD, "has a build that was refused:"));
        let said = format!("stage {}: {}", text(refused, "stage"), text(refused, "why"));
        notes += &set(&label, 2, &said, text_width());
        notes += &set("  fix: ", 2, &text(refused, "hint"), text_width());
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listed(generations: &Value) -> String {
        let plugin = json!({
            "name": "own", "strategies": ["own"], "serving": 1, "orphaned": false, "refused": false,
            "quarantine": null, "generations": generations, "kept": [],
        });
        let text = plugins(&json!({ "plugins": [plugin] }));
        anstream::adapter::strip_str(&text).to_string()
    }

    fn build(number: u64, state: &str, why: Option<&str>) -> Value {
        json!({
            "number": number, "state": state, "sha256": format!("{number}").repeat(64),
            "version": format!("0.{number}.0"), "calls": number, "traps": 0, "why": why,
        })
    }

    #[test]
    fn the_build_on_trial_is_named_beside_the_one_that_serves() {
        let list = listed(&json!([build(2, "canary", None), build(1, "serving", None)]));
        let said = "own has a build on trial: 0.2.0, generation 2, sha256 222222222222, 2 calls, 0 traps\n";
        assert!(list.contains(said), "{list}");
        assert!(!listed(&json!([build(1, "serving", None)])).contains("on trial"));
    }

    #[test]
    fn a_warning_is_told_as_long_as_its_build_gets_turns() {
        let why = Some("it does worse in 1 of 3 turns of the past:\nturn 1: no answer");
        let list = listed(&json!([build(1, "serving", why)]));
        let said = "own was let in with a warning: generation 1: it does worse in 1 of 3 turns of the past:\n  \
                    turn 1: no answer\n";
        assert!(list.contains(said), "{list}");
        let gone = listed(&json!([build(1, "serving", None), build(0, "retired", why)]));
        assert!(!gone.contains("with a warning"), "{gone}");
    }
}
