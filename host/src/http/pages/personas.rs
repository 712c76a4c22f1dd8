//! `/personas`: everybody who is known, also who has never played: how often, what keeps whom back, when each is due, and how
//! their turns went.

use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use domain::persona::Persona;
use maud::{Markup, html};

use super::frame::{NoPage, Page};
use super::rows::ratings_of;
use super::words::{line, nothing, state, time};
use crate::http::face::Face;
use crate::http::filters::Filters;
use crate::http::roll::{Known, Roll, WORDS};
use crate::running::one_segment;
use crate::store::{Glance, Open, wanted};

/// How many rows one page has.
const ROWS: usize = 250;

pub(super) async fn page(
    State(face): State<Face>,
    RawQuery(query): RawQuery,
    mut filters: Filters,
) -> Result<Page, NoPage> {
    let now = face.runner.deps().clock.now();
    filters.leave_out_empty();
    let word = filters.read("state", |text| wanted::one_of(text, &WORDS))?;
    let name = filters.read("persona", |text| wanted::named(text, "a part of an address"))?;
    filters.end()?;
    let roll = Roll::call(&face).await?;
    let part = name.as_deref().map(|part| part.trim().to_lowercase());
    let rows: Vec<(&String, &Known)> = (roll.personas.iter())
        .filter(|(_, known)| word.as_deref().is_none_or(|word| known.is(word)))
        .filter(|(email, _)| part.as_deref().is_none_or(|part| email.to_lowercase().contains(part)))
        .collect();
    let body = html! {
        h1 { "Personas" }
        @if roll.personas.is_empty() {
            (nothing("Nobody is known yet.", &html! { p { "Whoever mana-auth says is due plays at the next tick. " code { "persona-host seed FILE" } " creates personas there." } }))
        } @else {
            (filter(&roll, word.as_deref(), name.as_deref()))
            @if rows.is_empty() {
                (nothing("Nobody is like that.", &html! { p { a href="/personas" { "Show all" } } }))
            } @else {
                (table(&rows, now))
                @if rows.len() > ROWS { p .faint { "The first " (ROWS) " of " (rows.len()) ". Narrow it down by state or by address to see others." } }
            }
        }
        p .faint {
            @match roll.asked_at {
                Some(at) => { "mana-auth was asked " (time(at, now)) " who is due. It names nobody else, so who has never been due or played is not here: " code { "persona-host personas list" } " with " code { "MANA_ADMIN_JWT" } " shows them." }
                None => { "mana-auth has not been asked since the start who is due: whoever has never played is not here yet." }
            }
        }
    };
    let address = query.map_or_else(|| "/personas".to_owned(), |query| format!("/personas?{query}"));
    Ok(Page { title: "Personas".to_owned(), place: "/personas", address, now, body })
}

/// How many stand how, each a link to these; and a part of the address.
fn filter(roll: &Roll, wanted: Option<&str>, name: Option<&str>) -> Markup {
    html! {
        form .filters action="/personas" {
            nav .chips aria-label="By state" {
                a href="/personas" aria-current=[wanted.is_none().then_some("true")] { "all " b { (roll.personas.len()) } }
                @for word in WORDS {
                    @let many = roll.personas.values().filter(|known| known.is(word)).count();
                    @if many > 0 || wanted == Some(word) {
                        a href={ "/personas?state=" (word) } aria-current=[(wanted == Some(word)).then_some("true")] { (word) " " b { (many) } }
                    }
                }
            }
            @if let Some(word) = wanted { input type="hidden" name="state" value=(word); }
            label { "Address " input name="persona" value=[name] placeholder="a part of it" autocomplete="off"; }
            button { "Show" }
        }
    }
}

fn table(rows: &[(&String, &Known)], now: DateTime<Utc>) -> Markup {
    html! {
        div .wide tabindex="0" role="region" aria-label="Personas" {
            table .roll {
                thead {
                    tr {
                        th { "Persona" } th { "Plays" } th { "Stands" } th { "Last active" } th { "Next due" }
                        th { "Latest turns, the newest at the right" } th { "Rated last" } th {}
                    }
                }
                tbody { @for (email, known) in rows.iter().take(ROWS) { (row(email, known, now)) } }
            }
        }
    }
}

fn row(email: &str, known: &Known, now: DateTime<Utc>) -> Markup {
    html! {
        tr {
            td {
                a .row href={ "/personas/" (one_segment(email)) } { (line(email)) }
                @if let Some(persona) = &known.persona { br; span .faint { (line(&persona.archetype)) } }
            }
            td { (cadence(known.persona.as_ref())) }
            td .says { (stands(known, now)) }
            td { @if let Some(at) = known.last_active() { (time(at, now)) } @else { span .faint { "never" } } }
            td { (due(known, now)) }
            td { (strip(&known.turns)) }
            td { (ratings_of(&known.ratings)) }
            td .does { (deeds(email, known)) }
        }
    }
}

fn cadence(persona: Option<&Persona>) -> &'static str {
    persona.map_or("–", |persona| persona.cadence.name())
}

/// When it plays next.
pub(super) fn due(known: &Known, now: DateTime<Utc>) -> Markup {
    html! {
        @match known.next_due {
            _ if known.is_due => { span .state.live { "due now" } }
            Some(at) if at <= now => { span .faint { "at the next look" } }
            Some(at) => { (time(at, now)) }
            None => { span .faint { "–" } }
        }
    }
}

/// What can be done about it: pause it or end its pause, and lift a hold.
pub(super) fn deeds(email: &str, known: &Known) -> Markup {
    let whom = format!("?persona={}", one_segment(email));
    html! {
        @if known.has_what_can_be_lifted() {
            button .small hx-post={ "/api/personas/" (one_segment(email)) "/release" } hx-swap="none"
                aria-label={ "Release " (line(email)) } { "Release" }
            " "
        }
        @if known.paused.is_some() {
            button .small hx-post={ "/api/resume" (whom) } hx-swap="none" aria-label={ "Resume " (line(email)) } { "Resume" }
        } @else {
            button .small hx-post={ "/api/pause" (whom) } hx-swap="none" aria-label={ "Pause " (line(email)) } { "Pause" }
        }
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
        } @else if known.paused.is_none() && known.open.is_empty() {
            @if known.is("new") { (state("new")) " " span .faint { "has never played" } } @else { span .faint { "free" } }
        }
    }
}

/// The latest turns as squares, each a link that says what it is.
fn strip(turns: &[Glance]) -> Markup {
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
