//! `/compare?a=&b=`: two turns side by side, and where they differ.

use std::collections::BTreeSet;

use axum::extract::State;
use maud::{Markup, html};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::frame::{NoPage, Page};
use super::words::{between, line, money, nothing, short, text};
use crate::http::face::Face;
use crate::http::filters::Filters;
use crate::store::{Recorded, wanted};

pub(super) async fn page(State(face): State<Face>, mut filters: Filters) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let of_a_turn = |text: &str| wanted::named(text, "the id of a turn");
    let (a, b) = (filters.read("a", of_a_turn)?, filters.read("b", of_a_turn)?);
    filters.end()?;
    let body = match (&a, &b) {
        (Some(a), Some(b)) => side_by_side(&deps.ledger.show(a).await?, &deps.ledger.show(b).await?),
        _ => html! {
            h1 { "Compare" }
            (nothing("Two turns are compared.", &html! { p { "Mark two of them among " a href="/turns" { "all turns" } "." } }))
        },
    };
    let address = format!("/compare?a={}&b={}", a.unwrap_or_default(), b.unwrap_or_default());
    Ok(Page { title: "Compare".to_owned(), place: "/turns", address, now: deps.clock.now(), body })
}

fn side_by_side(a: &Recorded, b: &Recorded) -> Markup {
    html! {
        h1 { "Two turns" }
        div .wide tabindex="0" role="region" aria-label="Facts" {
            table .compared {
                thead { tr { th { "" } @for turn in [a, b] { th { a href={ "/turns/" (turn.summary.id) } { code { (short(&turn.summary.id)) } } } } } }
                tbody { @for (name, a, b) in facts(a).into_iter().zip(facts(b)).map(|((name, a), (_, b))| (name, a, b)) { (fact(name, &a, &b)) } }
            }
        }
        @for (phase, name) in [("main", "Question of the day"), ("rating", "Question for ratings")] {
            section { h2 { (name) } (opening(a, b, phase)) }
        }
        section { h2 { "What they did" } (did(a, b)) }
        section { h2 { "What they rated" } (rated(a, b)) }
    }
}

/// What is told of a turn, in the same order for each.
fn facts(turn: &Recorded) -> Vec<(&'static str, String)> {
    let own = &turn.summary;
    let or_dash = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), line);
    let plugin = format!(
        "{} {}, generation {}",
        or_dash(&own.plugin),
        or_dash(&own.plugin_version),
        own.generation.map_or_else(|| "–".to_owned(), |number| number.to_string()),
    );
    let arm = |place: &domain::experiment::Assignment| format!("{} of {}", place.arm, place.experiment);
    vec![
        ("Persona", line(&own.persona)),
        ("Began", own.begun_at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("State", own.state.clone()),
        ("Strategy", or_dash(&own.strategy)),
        ("Settings", turn.settings.as_ref().map(|settings| line(&settings.to_string())).unwrap_or_default()),
        ("Plugin", plugin),
        ("Arm", turn.assignment.as_ref().map(arm).unwrap_or_default()),
        ("Model", or_dash(&own.model)),
        ("Ended by", or_dash(&own.stop_reason)),
        ("Attempts", own.attempt.to_string()),
        ("Model calls", own.model_calls.to_string()),
        ("Tool calls", own.actions.to_string()),
        ("Took", own.ended_at.map(|ended| between(own.begun_at, ended)).unwrap_or_default()),
        ("Cost", money(own.cost_usd)),
        ("Failed with", own.fault_message.as_deref().map(line).unwrap_or_default()),
    ]
}

fn fact(name: &str, a: &str, b: &str) -> Markup {
    if a.is_empty() && b.is_empty() {
        return html! {};
    }
    html! {
        tr .differs[a != b] {
            th scope="row" { (name) }
            td { (a) }
            td { (b) @if a != b { span .off { " (differs)" } } }
        }
    }
}

/// The prompts of a phase, line by line.
fn opening(a: &Recorded, b: &Recorded, phase: &str) -> Markup {
    let (a, b) = (opened(a, phase), opened(b, phase));
    html! {
        @match (&a, &b) {
            (None, None) => { p .faint { "Neither came to it." } }
            (None, Some(_)) | (Some(_), None) => { p .note { "Only one of them came to it." } }
            (Some(a), Some(b)) => {
                @for part in ["system", "user"] {
                    @let (one, other) = (a[part].as_str().unwrap_or_default(), b[part].as_str().unwrap_or_default());
                    h3 { (part) @if one == other { ", the same in both" } }
                    @if one == other { details { summary { "Show it" } pre tabindex="0" { (text(one)) } } } @else { (lines(one, other)) }
                }
            }
        }
    }
}

/// What the plugin asked for in a phase.
fn opened<'a>(turn: &'a Recorded, phase: &str) -> Option<&'a Value> {
    let key = format!("{phase}/opening");
    let step = turn.steps.iter().find(|step| step.key == key)?;
    Some(step.result.as_ref().filter(|result| result.is_object()).unwrap_or(&step.intent))
}

fn lines(a: &str, b: &str) -> Markup {
    html! {
        pre .difference tabindex="0" {
            @for change in TextDiff::from_lines(a, b).iter_all_changes() {
                @let shown = text(change.value().trim_end_matches('\n'));
                @match change.tag() {
                    ChangeTag::Delete => { del { "− " (shown) } "\n" }
                    ChangeTag::Insert => { ins { "+ " (shown) } "\n" }
                    ChangeTag::Equal => { "  " (shown) "\n" }
                }
            }
        }
    }
}

/// The tool calls in order, each beside the one in its place.
fn did(a: &Recorded, b: &Recorded) -> Markup {
    let most = a.actions.len().max(b.actions.len());
    let called = |turn: &Recorded, at: usize| {
        turn.actions.get(at).map(|own| (own.tool.clone(), own.input.to_string()))
    };
    html! {
        @if most == 0 { p .faint { "Neither called a tool." } }
        div .wide tabindex="0" role="region" aria-label="Tool calls" {
            table .compared {
                tbody {
                    @for at in 0..most {
                        @let (one, other) = (called(a, at), called(b, at));
                        tr .differs[one != other] {
                            th scope="row" { (at + 1) }
                            @for own in [one, other] {
                                td { @if let Some((tool, input)) = own { (line(&tool)) br; code .faint { (line(&input)) } } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rated(a: &Recorded, b: &Recorded) -> Markup {
    let modules: BTreeSet<&str> = [a, b]
        .into_iter()
        .flat_map(|turn| turn.summary.ratings.iter().map(|rating| rating.module.as_str()))
        .collect();
    let of = |turn: &Recorded, module: &str| {
        let own = turn.summary.ratings.iter().find(|rating| rating.module == module)?;
        Some((own.score.get(), own.notes.as_deref().map(text).unwrap_or_default()))
    };
    html! {
        @if modules.is_empty() { p .faint { "Neither rated anything." } }
        div .wide tabindex="0" role="region" aria-label="Ratings" {
            table .compared {
                tbody {
                    @for module in modules {
                        @let (one, other) = (of(a, module), of(b, module));
                        tr .differs[one.as_ref().map(|own| own.0) != other.as_ref().map(|own| own.0)] {
                            th scope="row" { (line(module)) }
                            @for own in [one, other] {
                                td { @if let Some((score, notes)) = own { b { (score) } " " (notes) } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
