//! Turns as rows, wherever pages list them.

use chrono::{DateTime, Utc};
use domain::rating::Rating;
use domain::stop;
use maud::{Markup, html};

use super::words::{between, line, money, short, state, time};
use crate::running::one_segment;
use crate::store::Summary;

/// A table of turns of which two can be marked, to be compared.
pub(super) fn turns_to_compare(turns: &[Summary], now: DateTime<Utc>) -> Markup {
    html! {
        (table(turns, now, true))
        form #compare .filters action="/compare" {
            button { "Compare two" }
            span .faint { "Mark one under A and one under B." }
        }
    }
}

/// A table of turns.
pub(super) fn turn_rows(turns: &[Summary], now: DateTime<Utc>) -> Markup {
    table(turns, now, false)
}

fn table(turns: &[Summary], now: DateTime<Utc>, marks: bool) -> Markup {
    html! {
        div .wide tabindex="0" role="region" aria-label="Turns" {
            table .turns {
                thead {
                    tr {
                        @if marks { th { "A" } th { "B" } }
                        th { "Turn" } th { "Began" } th { "Persona" } th { "State" } th { "Strategy" }
                        th .number { "Tools" } th { "Rated" } th .number { "Took" } th .number { "Cost" } th { "What it says" }
                    }
                }
                tbody { @for turn in turns { (row(turn, now, marks)) } }
            }
        }
    }
}

fn row(turn: &Summary, now: DateTime<Utc>, marks: bool) -> Markup {
    html! {
        tr {
            @if marks {
                @for side in ["a", "b"] {
                    td { input type="radio" form="compare" name=(side) value=(turn.id) aria-label={ (side) ": " (short(&turn.id)) }; }
                }
            }
            td { a .row href={ "/turns/" (turn.id) } title=(turn.id) { code { (short(&turn.id)) } } }
            td { (time(turn.begun_at, now)) }
            td { a .quiet href={ "/personas/" (one_segment(&turn.persona)) } { (line(&turn.persona)) } }
            td { (state(&turn.state)) @if turn.attempt > 1 { " " span .faint { "attempt " (turn.attempt) } } }
            td { (turn.strategy.as_deref().map(line).unwrap_or_default()) }
            td .number { (turn.actions) @if turn.action_errors > 0 { " " span .bad { "(" (turn.action_errors) " failed)" } } }
            td { (ratings_of(&turn.ratings)) }
            td .number { @if let Some(ended) = turn.ended_at { (between(turn.started_at, ended)) } }
            td .number { @if turn.model_calls > 0 { (money(turn.cost_usd)) } }
            td .says { (said(turn)) }
        }
    }
}

/// What was rated, and how.
pub(super) fn ratings_of(ratings: &[Rating]) -> Markup {
    html! {
        @for (place, rating) in ratings.iter().enumerate() {
            @if place > 0 { ", " }
            span title=(rating.notes.as_deref().map(line).unwrap_or_default()) { (line(&rating.module)) " " b { (rating.score.get()) } }
        }
    }
}

/// Why it did not go as it should, in a line.
fn said(turn: &Summary) -> String {
    let unusual = || turn.stop_reason.as_deref().and_then(stop::unusual).map(str::to_owned);
    let said = turn.fault_message.clone().or_else(|| turn.skip_reason.clone()).or_else(unusual);
    line(&said.unwrap_or_default())
}
