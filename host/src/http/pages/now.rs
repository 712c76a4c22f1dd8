//! `/`: whether it runs, what it does at this moment, what failed, and what it costs.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::costs::limits;
use super::frame::{NoPage, Page};
use super::rows::turn_rows;
use super::words::{count, line, money, nothing, short, span, time};
use crate::http::face::Face;
use crate::runner::{LastTick, Obstacle, TickFigures, cost_of_today};
use crate::store::{CostRow, Summary, TurnFilter};
use crate::telemetry::UnderWay;
use domain::budget::Part;
use domain::fault::Stage;

/// How many of the latest turns are shown, and of those that failed.
const LATEST: u32 = 10;

pub(super) async fn page(State(face): State<Face>) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let latest = TurnFilter { limit: Some(LATEST), ..TurnFilter::default() };
    let failed = TurnFilter { ever_faulted: true, since: Some(now - TimeDelta::hours(24)), ..latest.clone() };
    let (latest, failed) = (deps.ledger.list(&latest).await?, deps.ledger.list(&failed).await?);
    let zone = deps.settings.time_zone;
    let cost = cost_of_today(&deps.ledger, now, zone).await?;
    let body = html! {
        h1 .off { "Now" }
        (loop_of(&face, now))
        (troubles(&face, now))
        section {
            h2 { "Under way" }
            (under_way(&deps.events.in_flight()))
        }
        section {
            h2 { "Money today" }
            (spent(cost.as_ref(), &deps.budget.of_today(), deps.claude.is_scripted()))
        }
        section {
            h2 { "Failed in the last 24 hours" }
            (failures(&failed, now))
        }
        section {
            h2 { "Latest turns" }
            @if latest.is_empty() {
                (nothing("No turn yet.", &html! { p { "One begins when mana-auth says that a persona is due. " (tick_button()) } }))
            } @else {
                (turn_rows(&latest, now))
                p { a href="/turns" { "All turns" } }
            }
        }
    };
    Ok(Page { title: "Now".to_owned(), place: "/", address: "/".to_owned(), now, body })
}

/// Whether it runs, when the next tick is, what came of the last one, and what can be done about it.
fn loop_of(face: &Face, now: DateTime<Utc>) -> Markup {
    let runner = &face.runner;
    let (paused, off) = (runner.is_paused(), !face.missing_keys.is_empty());
    html! {
        section .loop {
            div .standing {
                @if off {
                    p .big { span .state.bad { "off" } }
                    p { "Missing: " (face.missing_keys.join(", ")) ". Set " @if face.missing_keys.len() > 1 { "them" } @else { "it" } " and start again." }
                } @else if paused {
                    p .big { span .state.odd { "paused" } }
                    @if let Some(paused) = runner.pauses().everybody {
                        p { "since " (time(paused.since, now)) @if let Some(reason) = &paused.reason { ", because " (line(reason)) } }
                    }
                    @else { p { "by runner.paused (RUNNER_PAUSED)" } }
                } @else {
                    p .big { span .state.good { "running" } }
                    @if let Some(next) = runner.next_tick() { p { "next tick " (time(next, now)) } }
                }
            }
            div .standing {
                p .label { "Last tick" }
                (last_tick(runner.last_tick().as_ref(), now))
            }
            div .deeds {
                @if paused {
                    button hx-post="/api/resume" hx-swap="none" { "Resume" }
                } @else {
                    button hx-post="/api/pause" hx-swap="none" { "Pause" }
                    button hx-post="/api/pause?now=true" hx-swap="none"
                        hx-confirm="Turns under way make no further call, and go on after you resume. Pause now?" { "Pause now" }
                }
                (tick_button())
            }
        }
    }
}

fn tick_button() -> Markup {
    html! { button hx-post="/diag/tick" hx-swap="none" { "Tick" } }
}

fn last_tick(last: Option<&LastTick>, now: DateTime<Utc>) -> Markup {
    let Some(LastTick { ended_at, outcome }) = last else {
        return html! { p { "none since the start" } };
    };
    match outcome {
        Ok(TickFigures { due, completed, failed, held, took, .. }) => html! {
            p {
                (due) " due, " (completed) " played, "
                @if *failed > 0 { strong .bad { (failed) " failed" } } @else { "none failed" }
                @if *held > 0 { ", " (held) " kept back" }
            }
            p .faint { "in " (span(*took)) ", " (time(*ended_at, now)) }
        },
        Err(why) => html! {
            p { span .state.bad { "failed" } " " (line(why)) }
            p .faint { (time(*ended_at, now)) }
        },
    }
}

/// What is in the way, in a line each. Missing keys, a pause and the last tick are told above.
fn troubles(face: &Face, now: DateTime<Utc>) -> Markup {
    let told_above =
        |own: &Obstacle| matches!(own, Obstacle::Keys(_) | Obstacle::Pause(_) | Obstacle::Tick { .. });
    let all = face.runner.obstacles(&face.missing_keys);
    let told: Vec<&Obstacle> = all.iter().filter(|own| !told_above(own)).collect();
    html! {
        @if !told.is_empty() {
            section .troubles {
                h2 { "In the way" }
                ul { @for own in told { li { (trouble(own, now)) } } }
            }
        }
    }
}

fn trouble(obstacle: &Obstacle, now: DateTime<Utc>) -> Markup {
    let whose = match obstacle {
        Obstacle::Ledger(_) => "The ledger",
        Obstacle::SignIns(_) => "Sign-ins",
        Obstacle::Upstream { upstream, .. } => upstream.name(),
        Obstacle::Faults { .. } => "Turns",
        Obstacle::NoPlugin(_) | Obstacle::Plugin { .. } => "Plugins",
        Obstacle::PausedAlone(_) => "Paused",
        Obstacle::Budget(_) => "The budget",
        Obstacle::Model(_) => "Claude",
        Obstacle::Keys(_) | Obstacle::Pause(_) | Obstacle::Tick { .. } => obstacle.what(),
    };
    html! {
        strong { (whose) ": " }
        @match obstacle {
            Obstacle::Upstream { until: Some(until), why, .. } => { "left alone until " (time(*until, now)) ", because " (line(why)) }
            Obstacle::Upstream { until: None, why, .. } => { "one turn tries it again, after " (line(why)) }
            other => (line(&other.why())),
        }
        @if let Some(hint) = obstacle.hint() { " " span .faint { (line(hint)) } }
    }
}

fn under_way(turns: &[UnderWay]) -> Markup {
    html! {
        @if turns.is_empty() {
            p .faint { "Nobody plays at the moment." }
        } @else {
            div .wide tabindex="0" role="region" aria-label="Turns under way" {
                table {
                    thead { tr { th { "Persona" } th { "Stage" } th .number { "Model calls" } th .number { "Tool calls" } th .number { "For" } th { "Turn" } } }
                    tbody {
                        @for own in turns {
                            @let id = own.turn.to_string();
                            tr {
                                td { (line(&own.email)) @if own.attempt > 1 { span .faint { ", attempt " (own.attempt) } } }
                                td { (stages(own.stage)) }
                                td .number { (own.model_calls) }
                                td .number { (own.tool_calls) }
                                td .number { (span(own.age())) }
                                td { a .row href={ "/turns/" (id) } { code { (short(&id)) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The stage with how many of all it is.
fn stages(stage: Stage) -> Markup {
    let place = Stage::ALL.iter().position(|own| *own == stage).unwrap_or_default() + 1;
    html! {
        meter .stages min="0" max=(Stage::ALL.len()) value=(place) aria-hidden="true" {}
        " " (stage.name())
    }
}

fn spent(today: Option<&CostRow>, budget: &[Part], is_scripted: bool) -> Markup {
    html! {
        p {
            @match today {
                Some(row) => {
                    strong { (money(row.cost_usd)) } " for " (count(usize::try_from(row.calls).unwrap_or(usize::MAX), "model call", "model calls"))
                    @if row.unpriced > 0 { ", of which " (row.unpriced) " have no price and are not in it" }
                    ". "
                }
                None => { "Nothing was paid for today. " }
            }
            a href="/costs" { "All costs" }
        }
        @if is_scripted { p .faint { "Claude is a stand-in here: amounts are as the real model would have them, and nobody is paid." } }
        p .faint { "Of turns whose latest attempt began today; a budget counts each call on its own day." }
        (limits(budget))
    }
}

fn failures(failed: &[Summary], now: DateTime<Utc>) -> Markup {
    html! {
        @if failed.is_empty() {
            p .faint { "None." }
        } @else {
            ul .failures {
                @for turn in failed {
                    li {
                        a .row href={ "/turns/" (turn.id) } { code { (short(&turn.id)) } }
                        " " (line(&turn.persona)) ", " (time(turn.begun_at, now)) ": "
                        (line(turn.last_failure.as_deref().unwrap_or("it does not say why")))
                    }
                }
            }
            p { a href="/turns?everFaulted=true&since=24h" { "All that failed" } }
        }
    }
}
