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

/// What is not as it should be, below the table: the quarantine, and the newest refusal, as long as what was refused is
/// what lies in the folder, or a kept build.
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
