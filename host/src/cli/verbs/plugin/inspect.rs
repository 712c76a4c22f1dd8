//! `plugin inspect`: a component, looked at (by a child process) and not run.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::component;
use super::page::Page;
use crate::behavior::{Engine, EngineOptions, Producer, Surface};
use crate::cli::output::Output;
use crate::cli::text::size;
use crate::cli::{Exit, Failure};
use domain::code::Code;
use domain::ids::Sha256Hex;

/// Looks at a component. One that is no plugin can be looked at too.
///
/// # Errors
/// When the file is no component.
pub async fn inspect(file: &Path, output: Output) -> Result<(), Failure> {
    let source = component::read(file)?;
    let engine = Engine::new(&EngineOptions::default())?;
    let surface = engine.look(&source.bytes).await.map_err(|misfit| {
        let message = format!("{} is no component that can be looked at: {}", file.display(), misfit.message);
        Failure::new(Exit::BadInput, Code::NotAComponent, message).hint(misfit.hint)
    })?;
    let digest = Sha256Hex::of(&source.bytes);
    let mut document = json!({
        "file": file, "kind": "component", "bytes": source.bytes.len(), "sha256": digest,
    });
    let seen = json!(surface);
    for (name, value) in seen.as_object().into_iter().flatten() {
        document[name] = value.clone();
    }
    output.print(&document, || text(file, &surface, source.bytes.len(), &digest))?;
    if surface.contract.is_some() {
        output.next(&["plugin", "check", &file.display().to_string()]);
    }
    Ok(())
}

fn text(file: &Path, surface: &Surface, bytes: usize, digest: &Sha256Hex) -> String {
    let mut page = Page::default();
    page.heading(&file.display().to_string());
    match (&surface.contract, &surface.misfit) {
        (Some(version), _) => {
            page.fact("kind", &format!("a component: a behavior plugin, contract {version}"))
        }
        (None, Some(misfit)) => {
            page.fact("kind", &format!("a component, and no plugin: {}", misfit.message));
            page.fact("hint", &misfit.hint);
        }
        (None, None) => page.fact("kind", "a component"),
    }
    page.fact("size", &size(bytes));
    page.fact("sha256", digest.as_str());
    page.fact("imports", &listed(&surface.imports));
    page.fact("exports", &listed(&surface.exports));
    for (field, notes) in by_field(&surface.producers) {
        page.fact(field, &notes.join(", "));
    }
    let sections: Vec<String> =
        surface.sections.iter().map(|section| format!("{} {}", section.name, size(section.bytes))).collect();
    page.fact("sections", &sections.join(", "));
    page.into_text()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join("\n") }
}

/// What the tools noted, by what they noted it as.
fn by_field(producers: &[Producer]) -> BTreeMap<&str, Vec<String>> {
    let mut fields: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Producer { field, name, version } in producers {
        fields.entry(field).or_default().push(format!("{name} {version}").trim_end().to_owned());
    }
    fields
}
