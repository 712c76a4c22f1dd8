//! `/plugins`: what serves, what was refused and why, and the way back to the build before.

use std::collections::BTreeSet;

use axum::extract::State;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::frame::Page;
use super::words::{count, line, nothing, state, time, tokens};
use crate::behavior::{BuildRecord, BuildState, Figures, LoggedLine, Occasion, PluginRecord};
use crate::http::face::Face;
use crate::http::plugins::records;
use crate::running::one_segment;

/// How many log lines of a plugin are shown.
const LINES: usize = 20;
/// The origin of what is part of the program, in its own words.
const BUILT_IN: &str = "built in";

pub(super) async fn page(State(face): State<Face>) -> Page {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let plugins = records(&face);
    let folder = face.runner.reloader().folder().absolute();
    let body = html! {
        h1 { "Plugins" }
        p .faint { "Saved in " code { (folder.display()) } ", a build is live in under a second, or it is said here why not." }
        @if plugins.is_empty() { (nothing("No strategy names a plugin.", &html! { p { code { "persona-host plugin new NAME" } " begins one, and " code { "[[strategies]]" } " of the configuration names it." } })) }
        @for plugin in &plugins {
            (section(plugin, deps.registry.log(&plugin.name).unwrap_or_default().as_slice(), now))
        }
    };
    Page { title: "Plugins".to_owned(), place: "/plugins", address: "/plugins".to_owned(), now, body }
}

fn section(plugin: &PluginRecord, log: &[LoggedLine], now: DateTime<Utc>) -> Markup {
    let strategies: Vec<&str> = plugin.strategies.iter().map(domain::ids::StrategyName::as_str).collect();
    html! {
        section id=(one_segment(plugin.name.as_str())) {
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
            @if let Some(quarantine) = &plugin.quarantine {
                p .note {
                    "In quarantine since " (time(quarantine.since, now)) ": " code { (quarantine.function) } " broke down too often, the last time with "
                    (line(&quarantine.cause)) ". One turn tries it again " (time(quarantine.until, now)) "."
                }
            }
            (deeds(plugin))
            (time_line(plugin, log, now))
        }
    }
}

fn deeds(plugin: &PluginRecord) -> Markup {
    let name = plugin.name.as_str();
    let before = plugin.kept.get(1);
    html! {
        @if before.is_some() || plugin.refused {
            p {
                @if let Some(before) = before {
                    button hx-post={ "/api/plugins/" (one_segment(name)) "/rollback" } hx-swap="none"
                        hx-confirm={ "Go back from the build of " (line(name)) " that serves to version " (line(&before.version)) " (" (beginning(before.sha256.as_str())) ")?" }
                        { "Roll back" }
                    " "
                }
                button hx-post={ "/api/plugins/" (one_segment(name)) "/reload" } hx-swap="none" { "Load the file again" }
            }
        }
    }
}

/// Its builds, the newest first, each with what became of it.
fn time_line(plugin: &PluginRecord, log: &[LoggedLine], now: DateTime<Utc>) -> Markup {
    let mut shown = BTreeSet::new();
    html! {
        ol .timeline {
            @for build in &plugin.generations {
                // The place that a turn links to: the build itself, however often it was loaded.
                @let digest = build.sha256.as_ref().map(|digest| beginning(digest.as_str()));
                @let place = digest.filter(|digest| shown.insert(*digest)).map(|digest| place_of(plugin.name.as_str(), digest));
                li id=[place] {
                    (build_of(build, now))
                    (logged(build, log, now))
                }
            }
        }
    }
}

/// Where a build of a plugin is on this page.
pub(super) fn place_of(plugin: &str, digest: &str) -> String {
    format!("{}-{}", one_segment(plugin), beginning(digest))
}

/// So much of a digest as tells it from others.
pub(super) fn beginning(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn build_of(build: &BuildRecord, now: DateTime<Utc>) -> Markup {
    let word = serde_json::to_value(build.state).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or("–");
    let refused_at = build.stage.as_ref().and_then(|stage| serde_json::to_value(stage).ok());
    html! {
        h3 {
            @match build.number { Some(number) => { "Generation " (number) " " } None => { "A build " } }
            (state(word))
            " " span .faint { (became(build.state)) ", " (time(build.at, now)) }
        }
        p .faint {
            @if let Some(version) = &build.version { "version " (line(version)) ", " }
            @if let Some(digest) = &build.sha256 { code title=(digest) { (beginning(digest.as_str())) } ", " }
            @if build.origin == BUILT_IN { (BUILT_IN) } @else { "from " (line(&build.origin)) } ", because " (because(build.occasion))
            @if let Some(took) = build.compile_ms { ", compiled in " (took) " ms" }
        }
        @if let Some(why) = &build.why {
            p .note {
                @if let Some(stage) = refused_at.as_ref().and_then(serde_json::Value::as_str) { "At " (stage) ": " }
                (line(why))
                @if let Some(hint) = &build.hint { br; span .faint { "What to do: " (line(hint)) } }
            }
        }
        @if build.number.is_some() { (figures(&build.figures)) }
    }
}

fn figures(own: &Figures) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let ms = |us: u64| format!("{:.2} ms", us as f64 / 1e3);
    html! {
        dl .figures {
            div { dt { "calls" } dd { (own.calls) } }
            @if own.calls > 0 {
                div { dt { "p50" } dd { (ms(own.p50_us)) } }
                div { dt { "p95" } dd { (ms(own.p95_us)) } }
                div { dt { "fuel a call" } dd { (tokens(own.fuel / own.calls)) } }
                div { dt { "most memory" } dd { (own.memory_peak / 1024) " KiB" } }
                div { dt { "traps" } dd .bad[own.traps > 0] { (own.traps) } }
                div { dt { "said no" } dd { (own.failures) } }
            }
        }
    }
}

/// What a build logged, the newest line first.
fn logged(build: &BuildRecord, log: &[LoggedLine], now: DateTime<Utc>) -> Markup {
    let own: Vec<&LoggedLine> = log.iter().rev().filter(|own| Some(own.generation) == build.number).collect();
    html! {
        @if !own.is_empty() {
            details {
                summary { "What it logged: " (count(own.len(), "line", "lines")) }
                ul .log {
                    @for own in own.iter().take(LINES) {
                        li { (time(own.at, now)) " " code { (own.function) } " " (line(own.strategy.as_str())) ": " (line(&own.message)) }
                    }
                }
                @if own.len() > LINES { p .faint { "The last " (LINES) "." } }
            }
        }
    }
}

fn became(state: BuildState) -> &'static str {
    match state {
        BuildState::Serving => "new turns get it",
        BuildState::Canary => "on trial: a share of new turns gets it",
        BuildState::Previous => "stands in for one that is in quarantine",
        BuildState::Retired => "another took its place",
        BuildState::Refused => "was not let in",
    }
}

fn because(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Start => "persona-host started",
        Occasion::File => "its file changed",
        Occasion::Reload => "somebody asked for it",
        Occasion::Rollback => "somebody rolled back to it",
        Occasion::Fallback => "the one before it broke down",
    }
}
