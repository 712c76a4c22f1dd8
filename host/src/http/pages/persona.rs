//! `/personas/{email}`: one persona: how it stands, how it rated over time, and its turns.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use domain::code::Code;
use domain::rating::Rating;
use maud::html;

use super::chart::{Chart, Series, chart};
use super::frame::{NoPage, Page};
use super::personas::{deeds, due, stands};
use super::rows::turn_rows;
use super::words::{line, nothing, text, time};
use crate::http::error::ApiError;
use crate::http::face::Face;
use crate::http::filters::Named;
use crate::http::roll::Roll;
use crate::running::one_segment;
use crate::store::{Summary, TurnFilter};

/// So many of its turns are shown.
const TURNS: u32 = 100;

pub(super) async fn page(State(face): State<Face>, Named(email): Named) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let own = TurnFilter { email: Some(email.clone()), limit: Some(TURNS), ..TurnFilter::default() };
    let turns = deps.ledger.list(&own).await?;
    let Some(known) = Roll::call(&face).await?.personas.remove(&email) else {
        let message = format!("nobody of the address {email:?} has played or been named by mana-auth");
        return Err(ApiError::new(StatusCode::NOT_FOUND, Code::NoSuchPersona, message)
            .hint("look among all personas")
            .into());
    };
    let body = html! {
        h1 { (line(&email)) }
        div { (stands(&known, now)) " " (deeds(&email, &known)) }
        dl .facts {
            @if let Some(persona) = &known.persona {
                dt { "Plays" } dd { (persona.cadence.name()) ", as a " (line(&persona.archetype)) }
                dt { "Who it is" } dd { details { summary { "Its description" } pre tabindex="0" { (text(&persona.system_prompt)) } } }
            }
            dt { "Last active" } dd { @if let Some(at) = known.last_active() { (time(at, now)) } @else { "never" } }
            dt { "Next due" } dd { (due(&known, now)) }
        }
        section {
            h2 { "How it rated" }
            @match ratings(&turns) {
                Some(drawn) => (chart(&drawn)),
                None => (nothing("It has rated nothing yet.", &html! { p { "Each turn that comes to its end rates the modules that it used." } })),
            }
        }
        section {
            h2 { "Its turns" }
            @if turns.is_empty() { (nothing("It has not played yet.", &html! { p { "It does at the next tick at which it is due and nothing keeps it back." } })) }
            @else { (turn_rows(&turns, now)) }
            @if turns.len() >= usize::try_from(TURNS).unwrap_or(usize::MAX) {
                p { a href={ "/turns?persona=" (one_segment(&email)) "&limit=500" } { "More of its turns" } }
            }
        }
    };
    let address = format!("/personas/{}", one_segment(&email));
    Ok(Page { title: email, place: "/personas", address, now, body })
}

/// The ratings of each module over time; nothing if there are none.
fn ratings(turns: &[Summary]) -> Option<Chart> {
    let rated: Vec<&Summary> = turns.iter().rev().filter(|turn| turn.ratings.iter().any(is_real)).collect();
    let mut modules: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for (at, turn) in rated.iter().enumerate() {
        for rating in turn.ratings.iter().filter(|rating| is_real(rating)) {
            let values = modules.entry(&rating.module).or_insert_with(|| vec![None; rated.len()]);
            values[at] = Some(f64::from(rating.score.get()));
        }
    }
    let series = |(name, values): (&str, Vec<Option<f64>>)| Series { name: line(name), values };
    (!rated.is_empty()).then(|| Chart {
        says: "Ratings from 1 to 5 over time, a line for each module",
        times: rated.iter().map(|turn| turn.started_at.timestamp()).collect(),
        series: modules.into_iter().map(series).collect(),
        within: Some((0.5, 5.5)),
    })
}

/// What begins so only says that nothing could be read.
fn is_real(rating: &Rating) -> bool {
    !rating.module.starts_with("__")
}
