//! `/api`: each route for programs, with what it takes, what it answers, and how it is asked. Drawn from the document that
//! programs read.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use maud::{Markup, html};
use serde_json::Value;

use super::frame::Page;
use crate::http::described::{Operation, Shape, operations, shapes, tags};
use crate::http::document::document;
use crate::http::face::Face;

pub(super) async fn page(State(face): State<Face>, headers: HeaderMap) -> Page {
    let document = document();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:3070");
    let body = html! {
        h1 { "API" }
        p { (document["info"]["description"].as_str().unwrap_or_default()) }
        p {
            "For programs: " a href="/api/openapi.json" { "openapi.json" }
            " (OpenAPI " (document["openapi"].as_str().unwrap_or_default()) "). "
            "Where a token is asked for, add " code { "-H \"Authorization: Bearer $PERSONA_ADMIN_TOKEN\"" } " (to look only: " code { "$PERSONA_VIEW_TOKEN" } ")."
        }
        @for (tag, means) in tags(document).filter(|(tag, _)| *tag != "pages") {
            section {
                h2 id=(tag) { (capital(tag)) }
                p .faint { (means) }
                @for own in operations(document, tag) { (operation(&own, host)) }
            }
        }
        section {
            h2 #shapes { "Shapes" }
            @for own in shapes(document) { (shape(document, &own)) }
        }
    };
    let now = face.runner.deps().clock.now();
    // Nothing in it changes while the program runs, so it is not asked for again.
    Page { title: "API".to_owned(), place: "/api", address: String::new(), now, body }
}

fn operation(own: &Operation<'_>, base: &str) -> Markup {
    let asked = own.asked();
    html! {
        details .route {
            summary { code { (own.method) " " (own.path) } " " (own.does()) }
            pre tabindex="0" { code { (own.curl(base)) } }
            @if !asked.is_empty() {
                div .wide tabindex="0" role="region" aria-label="What it takes" {
                    table {
                        thead { tr { th { "Parameter" } th { "In" } th { "Value" } th { "Meaning" } th { "Example" } } }
                        tbody {
                            @for own in &asked {
                                tr {
                                    td { code { (own.name) } @if own.is_needed { " (needed)" } }
                                    td { (own.place) }
                                    td { (own.values) }
                                    td { (own.means) }
                                    td { code { (own.example) } }
                                }
                            }
                        }
                    }
                }
            }
            div .wide tabindex="0" role="region" aria-label="What it answers" {
                table {
                    thead { tr { th { "Status" } th { "When" } th { "Shape" } } }
                    tbody {
                        @for own in own.answered() {
                            tr { td { (own.status) } td { (own.when) } td { (linked(&own.shape)) } }
                        }
                    }
                }
            }
            @if let Some(example) = own.example() {
                p { "An answer looks like this:" }
                pre tabindex="0" { code { (example) } }
            }
        }
    }
}

fn shape(document: &Value, own: &Shape<'_>) -> Markup {
    let known = |kind: &str| document["components"]["schemas"].get(kind).is_some();
    html! {
        h3 id={ "shape-" (own.name) } { (own.name) }
        p { (own.means) @if !own.kind.is_empty() { " " (own.kind) } }
        @if !own.members.is_empty() {
            div .wide tabindex="0" role="region" aria-label={ "Members of " (own.name) } {
                table {
                    thead { tr { th { "Member" } th { "Value" } th { "Meaning" } } }
                    tbody {
                        @for member in &own.members {
                            tr {
                                td { code { (member.name) } @if !member.is_always_there { " (not always)" } }
                                td { @if known(&member.kind) { (linked(&member.kind)) } @else { (member.kind) } }
                                td { (member.means) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The name of a shape leads there; text has none.
fn linked(shape: &str) -> Markup {
    let is_name = shape.starts_with(|first: char| first.is_ascii_uppercase()) && !shape.contains(' ');
    html! { @if is_name { a href={ "#shape-" (shape) } { (shape) } } @else { (shape) } }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
