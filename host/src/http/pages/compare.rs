//! `/compare?a=&b=`: two turns side by side, and where they differ.

use axum::extract::State;
use maud::{Markup, html};

use super::frame::{NoPage, Page};
use super::words::{line, nothing, short, text};
use crate::evidence::{Call, Fact, Line, Of, Pair, Prompt, Rated, Said, TwoTurns};
use crate::http::face::Face;
use crate::http::filters::Filters;
use crate::store::wanted;

pub(super) async fn page(State(face): State<Face>, mut filters: Filters) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let of_a_turn = |text: &str| wanted::named(text, "the id of a turn");
    let (a, b) = (filters.read("a", of_a_turn)?, filters.read("b", of_a_turn)?);
    filters.end()?;
    let body = match (&a, &b) {
        (Some(a), Some(b)) => {
            side_by_side(&TwoTurns::of(&deps.ledger.show(a).await?, &deps.ledger.show(b).await?))
        }
        _ => html! {
            h1 { "Compare" }
            (nothing("Two turns are compared.", &html! { p { "Mark two of them among " a href="/turns" { "all turns" } "." } }))
        },
    };
    let address = format!("/compare?a={}&b={}", a.unwrap_or_default(), b.unwrap_or_default());
    Ok(Page { title: "Compare".to_owned(), place: "/turns", address, now: deps.clock.now(), body })
}

fn side_by_side(two: &TwoTurns) -> Markup {
    html! {
        h1 { "Two turns" }
        div .wide tabindex="0" role="region" aria-label="Facts" {
            table .compared {
                thead { tr { th { "" } @for id in [&two.a, &two.b] { th { a href={ "/turns/" (id) } { code { (short(id)) } } } } } }
                tbody { @for own in &two.facts { (fact(own)) } }
            }
        }
        @for (phase, name) in [("main", "Question of the day"), ("rating", "Question for ratings")] {
            section { h2 { (name) } @for own in two.prompts.iter().filter(|own| own.phase == phase) { (prompt(own)) } }
        }
        section { h2 { "What they did" } (did(&two.calls)) }
        section { h2 { "What they rated" } (rated(&two.ratings)) }
    }
}

fn fact(fact: &Fact) -> Markup {
    let (a, b) = fact.said();
    if a.is_empty() && b.is_empty() {
        return html! {};
    }
    html! {
        tr .differs[fact.pair.differs] {
            th scope="row" { (fact.heading) }
            td { (line(&a)) }
            td { (line(&b)) @if fact.pair.differs { span .off { " (differs)" } } }
        }
    }
}

/// A part of the prompts of a phase, line by line. That nobody came to it is said once.
fn prompt(Prompt { part, pair, lines, .. }: &Prompt) -> Markup {
    html! {
        @match (&pair.a, &pair.b) {
            (None, None) => { @if *part == "system" { p .faint { "Neither came to it." } } }
            (None, Some(_)) | (Some(_), None) => { @if *part == "system" { p .note { "Only one of them came to it." } } }
            (Some(one), Some(_)) => {
                h3 { (part) @if !pair.differs { ", the same in both" } }
                @if pair.differs { (difference(lines)) } @else { details { summary { "Show it" } pre tabindex="0" { (text(one)) } } }
            }
        }
    }
}

fn difference(lines: &[Line]) -> Markup {
    html! {
        pre .difference tabindex="0" {
            @for Line { of, text: own } in lines {
                @let shown = text(own);
                @match of {
                    Of::A => { del { "− " (shown) } "\n" }
                    Of::B => { ins { "+ " (shown) } "\n" }
                    Of::Both => { "  " (shown) "\n" }
                }
            }
        }
    }
}

/// The tool calls in order, each beside the one in its place.
fn did(calls: &[Pair<Call>]) -> Markup {
    html! {
        @if calls.is_empty() { p .faint { "Neither called a tool." } }
        div .wide tabindex="0" role="region" aria-label="Tool calls" {
            table .compared {
                tbody {
                    @for (at, Pair { a, b, differs }) in calls.iter().enumerate() {
                        tr .differs[*differs] {
                            th scope="row" { (at + 1) }
                            @for own in [a, b] {
                                td { @if let Some(Call { tool, input, .. }) = own { (line(tool)) br; code .faint { (line(&input.to_string())) } } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rated(ratings: &[Rated]) -> Markup {
    html! {
        @if ratings.is_empty() { p .faint { "Neither rated anything." } }
        div .wide tabindex="0" role="region" aria-label="Ratings" {
            table .compared {
                tbody {
                    @for Rated { module, pair: Pair { a, b, differs } } in ratings {
                        tr .differs[*differs] {
                            th scope="row" { (line(module)) }
                            @for own in [a, b] {
                                td { @if let Some(Said { score, notes }) = own { b { (score) } " " (notes.as_deref().map(text).unwrap_or_default()) } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
