//! `/turns`: each turn in a row. The filters are in the address, so that a view is a link.

use axum::extract::{RawQuery, State};
use maud::{Markup, html};

use super::frame::{NoPage, Page};
use super::rows::turns_to_compare;
use super::words::nothing;
use crate::http::api::MAX_TURNS;
use crate::http::face::Face;
use crate::http::filters::Filters;
use crate::store::TurnFilter;

/// How many rows one page has.
const ROWS: u32 = 100;

pub(super) async fn page(
    State(face): State<Face>,
    RawQuery(query): RawQuery,
    mut filters: Filters,
) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let typed = Typed::of(&filters);
    filters.leave_out_empty();
    let mut filter = filters.turns(now, MAX_TURNS)?;
    let rows = *filter.limit.get_or_insert(ROWS);
    filters.end()?;
    let turns = deps.ledger.list(&filter).await?;
    let most = usize::try_from(rows).unwrap_or(usize::MAX);
    let body = html! {
        h1 { "Turns" }
        (form(&typed))
        @if turns.is_empty() {
            (nothing("No turn is like that.", &html! { p { a href="/turns" { "Show all" } } }))
        } @else {
            (turns_to_compare(&turns, now))
            @if turns.len() == most {
                p .faint { "The newest " (most) ". Narrow it down by persona, state or time to see others." }
            }
        }
    };
    let address = query.map_or_else(|| "/turns".to_owned(), |query| format!("/turns?{query}"));
    Ok(Page { title: "Turns".to_owned(), place: "/turns", address, now, body })
}

/// What stands in the form.
struct Typed {
    persona: String,
    state: String,
    since: String,
    until: String,
    ever_faulted: bool,
}

impl Typed {
    fn of(filters: &Filters) -> Self {
        let given = |name| filters.typed(name).unwrap_or_default().to_owned();
        let ever_faulted = filters.typed("everFaulted") == Some("true");
        let (since, until) = (given("since"), given("until"));
        Self { persona: given("persona"), state: given("state"), since, until, ever_faulted }
    }
}

fn form(Typed { persona, state, since, until, ever_faulted }: &Typed) -> Markup {
    html! {
        form .filters action="/turns" {
            label { "Persona " input name="persona" value=(persona) placeholder="all" autocomplete="off"; }
            label {
                "State "
                select name="state" {
                    option value="" { "any" }
                    @for word in TurnFilter::STATES { option value=(word) selected[word == state] { (word) } }
                }
            }
            label { "Since " input name="since" value=(since) placeholder="24h, 2026-11-29" size="14"; }
            label { "Until " input name="until" value=(until) placeholder="2h, 2026-11-30" size="14"; }
            label .check { input type="checkbox" name="everFaulted" value="true" checked[*ever_faulted]; " an attempt failed" }
            button { "Show" }
            a href="/turns" { "All" }
        }
    }
}
