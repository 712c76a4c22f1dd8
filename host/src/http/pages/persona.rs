//! `/personas/{email}`: one persona: how it stands, how it rated over time, and its turns.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use domain::code::Code;
use domain::rating::Rating;
use maud::html;

use super::chart::{Chart, Series, chart};
use super::frame::{NoPage, Page};
use super::personas::{Known, pause_button, stands};
use super::rows::turn_rows;
use super::words::{line, nothing};
use crate::http::error::ApiError;
use crate::http::face::Face;
use crate::http::filters::Named;
use crate::running::one_segment;
use crate::store::{Summary, TurnFilter};

/// So many of its turns are shown.
const TURNS: u32 = 200;

pub(super) async fn page(State(face): State<Face>, Named(email): Named) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let own = TurnFilter { email: Some(email.clone()), limit: Some(TURNS), ..TurnFilter::default() };
    let mut known = Known { turns: deps.ledger.list(&own).await?, ..Known::default() };
    known.open = deps.ledger.open_turns().await?.into_iter().filter(|open| open.persona == email).collect();
    known.paused = face.runner.pauses().personas.get(&email).cloned();
    if known.turns.is_empty() && known.paused.is_none() {
        let message = format!("the ledger has no turn of {email:?}");
        return Err(ApiError::new(StatusCode::NOT_FOUND, Code::NoSuchPersona, message)
            .hint("look among all personas")
            .into());
    }
    let body = html! {
        h1 { (line(&email)) }
        div { (stands(&known, now)) " " (pause_button(&email, known.paused.is_some())) }
        section {
            h2 { "How it rated" }
            @match ratings(&known.turns) {
                Some(drawn) => (chart(&drawn)),
                None => (nothing("It has rated nothing yet.", &html! {})),
            }
        }
        section { h2 { "Its turns" } (turn_rows(&known.turns, now)) }
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
