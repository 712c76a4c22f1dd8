//! `/personas`: everybody whom the ledger knows, what keeps whom back, and how their turns went.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::frame::{NoPage, Page};
use super::rows::ratings;
use super::words::{line, nothing, state, time};
use crate::http::face::Face;
use crate::running::one_segment;
use crate::store::{Open, OpenTurn, Paused, Summary, TurnFilter};

/// How many turns are looked through; the strip of each persona has its latest of them.
const TURNS: u32 = 5_000;
/// How many of its turns a persona's strip has.
const STRIP: usize = 20;

pub(super) async fn page(State(face): State<Face>) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let all = TurnFilter { limit: Some(TURNS), ..TurnFilter::default() };
    let mut personas: BTreeMap<String, Known> = BTreeMap::new();
    for persona in deps.ledger.personas().await? {
        personas.entry(persona.email).or_default();
    }
    for turn in deps.ledger.list(&all).await? {
        let known = personas.entry(turn.persona.clone()).or_default();
        if known.turns.len() < STRIP {
            known.turns.push(turn);
        }
    }
    for open in deps.ledger.open_turns().await? {
        personas.entry(open.persona.clone()).or_default().open.push(open);
    }
    for (email, paused) in face.runner.pauses().personas {
        personas.entry(email).or_default().paused = Some(paused);
    }
    for held in face.runner.kept_back() {
        personas.entry(held.persona).or_default().kept_back = Some(held.reason);
    }
    let body = html! {
        h1 { "Personas" }
        @if personas.is_empty() {
            (nothing("Nobody has played yet.", &html! { p { "Whoever mana-auth says is due plays at the next tick." } }))
        } @else {
            div .wide tabindex="0" role="region" aria-label="Personas" {
                table {
                    thead { tr { th { "Persona" } th { "Stands" } th { "Latest turns, the newest at the right" } th { "Last" } th { "Rated last" } th {} } }
                    tbody { @for (email, known) in &personas { (row(email, known, now)) } }
                }
            }
        }
    };
    Ok(Page { title: "Personas".to_owned(), place: "/personas", address: "/personas".to_owned(), now, body })
}

/// What is known of a persona.
#[derive(Default)]
pub(super) struct Known {
    /// The newest first.
    pub(super) turns: Vec<Summary>,
    pub(super) open: Vec<OpenTurn>,
    pub(super) paused: Option<Paused>,
    /// Why the last tick kept it back, if no turn says it.
    pub(super) kept_back: Option<String>,
}

fn row(email: &str, known: &Known, now: DateTime<Utc>) -> Markup {
    let last = known.turns.first();
    html! {
        tr {
            td { a .row href={ "/personas/" (one_segment(email)) } { (line(email)) } }
            td .says { (stands(known, now)) }
            td { (strip(&known.turns)) }
            td { @if let Some(last) = last { (time(last.started_at, now)) } }
            td { @if let Some(rated) = known.turns.iter().find(|turn| !turn.ratings.is_empty()) { (ratings(rated)) } }
            td { (pause_button(email, known.paused.is_some())) }
        }
    }
}

/// Pauses the persona, or ends its pause.
pub(super) fn pause_button(email: &str, is_paused: bool) -> Markup {
    let whom = format!("?persona={}", one_segment(email));
    html! {
        @if is_paused { button .small hx-post={ "/api/resume" (whom) } hx-swap="none" { "Resume" } }
        @else { button .small hx-post={ "/api/pause" (whom) } hx-swap="none" { "Pause" } }
    }
}

/// What keeps the persona back, or what it does.
pub(super) fn stands(known: &Known, now: DateTime<Utc>) -> Markup {
    html! {
        @if let Some(paused) = &known.paused { p { (state("paused")) " " (time(paused.since, now)) @if let Some(reason) = &paused.reason { ", because " (line(reason)) } } }
        @for open in &known.open {
            @match &open.open {
                Open::Running { since } => { p { (state("running")) " " (time(*since, now)) } }
                Open::Held { until, why, .. } => { p { (state("held")) " until " (time(*until, now)) ", because " (line(why)) } }
                Open::Stopped { then, why } => { p { (state("stopped")) " by " (line(why)) "; it " (then.words()) } }
                Open::Parked { since, why } => { p { (state("parked")) " " (time(*since, now)) ", because " (line(why)) } }
            }
        }
        @if let Some(why) = &known.kept_back {
            p { (state("held")) " at the last tick, because " (line(why)) }
        } @else if known.paused.is_none() && known.open.is_empty() { span .faint { "free" } }
    }
}

/// The latest turns as squares, each a link that says what it is.
fn strip(turns: &[Summary]) -> Markup {
    html! {
        span .strip {
            @for turn in turns.iter().rev() {
                @let began = turn.started_at.format("%Y-%m-%d %H:%M UTC").to_string();
                @let said = format!("{}, {began}", turn.state);
                a href={ "/turns/" (turn.id) } .(turn.state) title=(said) aria-label=(said) {}
            }
        }
    }
}
