//! `/plugins`: what serves, what was refused and why, and the way back to the build before.

use axum::extract::State;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::frame::Page;
use super::words::{line, nothing, state, time};
use crate::behavior::{BuildRecord, LoggedLine, PluginRecord};
use crate::http::face::Face;
use crate::http::plugins::records;

/// How many log lines of a plugin are shown.
const LINES: usize = 20;

pub(super) async fn page(State(face): State<Face>) -> Page {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let plugins = records(&face);
    let folder = face.runner.reloader().folder().absolute();
    let body = html! {
        h1 { "Plugins" }
        p .faint { "Saved in " code { (folder.display()) } ", a build is live in under a second, or it is said here why not." }
        @if plugins.is_empty() { (nothing("No strategy names a plugin.", &html! {})) }
        @for plugin in &plugins {
            (section(plugin, deps.registry.log(&plugin.name).unwrap_or_default().as_slice(), now))
        }
    };
    Page { title: "Plugins".to_owned(), place: "/plugins", address: "/plugins".to_owned(), now, body }
}

fn section(plugin: &PluginRecord, log: &[LoggedLine], now: DateTime<Utc>) -> Markup {
    let strategies: Vec<&str> = plugin.strategies.iter().map(domain::ids::StrategyName::as_str).collect();
    html! {
        section {
            h2 { (line(plugin.name.as_str())) }
            p {
                @match plugin.serving {
                    Some(number) => { "Generation " (number) " serves " }
                    None => { span .state.bad { "nothing serves" } " " }
                }
                @if strategies.is_empty() { "no strategy" } @else { "the strategies " (line(&strategies.join(", "))) }
                @if plugin.orphaned { "; its file is gone, and it is served from memory" }
                "."
            }
            @if plugin.refused { p .note { "What lies in the folder was refused: see below." } }
            @if plugin.quarantine.is_some() { p .note { "In quarantine: it broke down too often." } }
            div .wide tabindex="0" role="region" aria-label="Builds" {
                table {
                    thead { tr { th .number { "Generation" } th { "State" } th { "Version" } th { "From" } th { "When" } th .number { "Calls" } th { "What is said of it" } } }
                    tbody { @for build in &plugin.generations { (build_row(build, now)) } }
                }
            }
            @if plugin.kept.len() > 1 || plugin.refused {
                p {
                    button hx-post={ "/api/plugins/" (plugin.name.as_str()) "/rollback" } hx-swap="none"
                        hx-confirm={ "Go back to the build of " (line(plugin.name.as_str())) " before this one?" } { "Roll back" }
                    " " button hx-post={ "/api/plugins/" (plugin.name.as_str()) "/reload" } hx-swap="none" { "Load the file again" }
                }
            }
            @if !log.is_empty() {
                details {
                    summary { "What it logged" }
                    ul .log {
                        @for own in log.iter().rev().take(LINES) {
                            li { (time(own.at, now)) " " code { (own.function) } " " (line(&own.message)) }
                        }
                    }
                }
            }
        }
    }
}

fn build_row(build: &BuildRecord, now: DateTime<Utc>) -> Markup {
    let word = serde_json::to_value(build.state).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or("–");
    html! {
        tr {
            td .number { @if let Some(number) = build.number { (number) } @else { "–" } }
            td { (state(word)) }
            td { (build.version.as_deref().map(line).unwrap_or_default()) }
            td { (line(&build.origin)) }
            td { (time(build.at, now)) }
            td .number { @if build.number.is_some() { (build.figures.calls) } }
            td .says {
                (build.why.as_deref().map(line).unwrap_or_default())
                @if let Some(hint) = &build.hint { br; span .faint { (line(hint)) } }
            }
        }
    }
}
