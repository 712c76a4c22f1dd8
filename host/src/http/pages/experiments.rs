//! `/experiments`: each experiment with its verdict and what speaks against it; `/experiments/{key}/report` is all of it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use experiment::page::{self, Fact, Note, Ruling};
use experiment::report::{ArmSummary, Check, Comparison, Outcome, Report, Status};
use futures_util::future::join_all;
use maud::{Markup, html};

use super::frame::{NoPage, Page};
use super::trend::trend;
use super::words::{line, money, nothing};
use crate::evidence::{AtHand, NoEvidence, Reports};
use crate::http::face::Face;
use crate::http::filters::Named;
use crate::running::one_segment;

/// The report is a document of its own, with its styles in it and nothing else.
const REPORT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
);

pub(super) async fn list(
    State(face): State<Face>,
    Extension(reports): Extension<Arc<Reports>>,
) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let keys = deps.ledger.experiment_keys().await?;
    let at_hand = join_all(keys.iter().map(|key| reports.at_hand(&deps.ledger, key))).await;
    let mut told = Vec::new();
    for (key, report) in keys.iter().zip(at_hand) {
        told.push(html! {
            section {
                h2 { a .row href={ "/experiments/" (one_segment(key)) } { (line(key)) } }
                @match report {
                    Ok(AtHand::Newest(report)) => { (summary(&report)) }
                    Ok(AtHand::Older(report)) => { (summary(&report)) (again(key, "/experiments", OLDER)) }
                    Ok(AtHand::None) => { (again(key, "/experiments", FIRST)) }
                    Err(why) => { p .faint { "No verdict yet: " (line(&why.to_string())) } }
                }
            }
        });
    }
    let body = html! {
        h1 { "Experiments" }
        @if told.is_empty() {
            (nothing("No experiment has begun.", &html! { p { code { "persona-host experiment check FILE" } " says what one can find and what it costs." } }))
        }
        @for section in told { (section) }
    };
    let (title, place, address) = ("Experiments".to_owned(), "/experiments", "/experiments".to_owned());
    Ok(Page { title, place, address, now: deps.clock.now(), body })
}

pub(super) async fn one(
    State(face): State<Face>,
    Extension(reports): Extension<Arc<Reports>>,
    Named(key): Named,
) -> Result<Page, NoPage> {
    let at_hand = match reports.at_hand(&face.runner.deps().ledger, &key).await {
        Ok(at_hand) => at_hand,
        Err(NoEvidence::Unanalyzable { why, .. }) => return Ok(too_early(&face, &key, &why.to_string())),
        Err(error) => return Err(error.into()),
    };
    let address = format!("/experiments/{}", one_segment(&key));
    let body = html! {
        h1 { "Experiment " (line(&key)) }
        @match at_hand {
            AtHand::Newest(report) => { (whole(&key, &report)) }
            AtHand::Older(report) => { (again(&key, &address, OLDER)) (whole(&key, &report)) }
            AtHand::None => { (again(&key, &address, FIRST)) }
        }
    };
    let title = format!("Experiment {key}");
    Ok(Page { title, place: "/experiments", address, now: face.runner.deps().clock.now(), body })
}

const FIRST: &str = "The verdict is being computed.";
const OLDER: &str = "This is how it stood before: turns were played since, and it is being computed again.";

/// Says why something is not here, and looks again until it is. By its id it is known from what takes its place, or that would look
/// for ever.
fn again(key: &str, address: &str, why: &str) -> Markup {
    html! {
        p .faint id={ "again-" (one_segment(key)) } role="status" hx-get=(address) hx-trigger="every 2s" hx-select="#page"
            hx-target="#page" hx-swap="outerMorph" { (why) }
    }
}

fn whole(key: &str, report: &Report) -> Markup {
    let shown = page::page(report);
    html! {
        @if !shown.question.is_empty() { p { (line(&shown.question)) } }
        (progress(report))
        @for (ruling, comparison) in shown.rulings.iter().zip(&report.comparisons) {
            (verdict(ruling))
            section {
                h3 { "Round by round" }
                (concerning(&report.health, "comparisons"))
                (trend(comparison, report.plan.margin))
                (disagreements(comparison))
            }
        }
        section {
            h2 { "Arms" }
            (concerning(&report.health, "arms"))
            (arms(key, &report.arms))
        }
        (health(&report.health))
        p { a href={ "/experiments/" (one_segment(key)) "/report" } { "The whole report" } ", with intervals, plots and what each number means" }
    }
}

pub(super) async fn report(
    State(face): State<Face>,
    Extension(reports): Extension<Arc<Reports>>,
    Named(key): Named,
) -> Result<Response, NoPage> {
    let report = reports.of(&face.runner.deps().ledger, &key).await?;
    let document = page::html(&page::page(&report));
    Ok(([(CONTENT_SECURITY_POLICY, REPORT_POLICY)], Html(document)).into_response())
}

/// An experiment in which nothing can be compared yet.
fn too_early(face: &Face, key: &str, why: &str) -> Page {
    let body = html! {
        h1 { "Experiment " (line(key)) }
        p { span .state.odd { "no verdict yet" } " " (line(why)) }
        p { a href={ "/turns?experiment=" (one_segment(key)) } { "Its turns so far" } }
    };
    let address = format!("/experiments/{}", one_segment(key));
    Page { title: key.to_owned(), place: "/experiments", address, now: face.runner.deps().clock.now(), body }
}

/// The verdicts in a line each, and whether they may be believed.
fn summary(report: &Report) -> Markup {
    let shown = page::page(report);
    let worst = report.health.iter().map(|check| check.status).max();
    html! {
        (progress(report))
        @for ruling in &shown.rulings {
            p { (word(ruling)) " " (line(&ruling.heading)) ": " (line(&ruling.sentence)) }
        }
        @match worst {
            Some(Status::Unhealthy) => { p { span .state.bad { "do not decide on it" } " a check is unhealthy" } }
            Some(Status::Warning) => { p { span .state.odd { "read with care" } " there are warnings" } }
            Some(Status::Ok) | None => {}
        }
    }
}

fn progress(report: &Report) -> Markup {
    let progress = &report.progress;
    html! {
        p .faint {
            (progress.personas) " personas, round " (progress.rounds) " of " (progress.planned_rounds) ", " (money(progress.cost))
            @if progress.over { ", over" }
            @if report.identity.stand_ins { " " span .state.odd { "stand-ins: its ratings mean nothing" } }
        }
    }
}

/// The verdict in its word; one that is not firm does not look like one.
fn word(ruling: &Ruling) -> Markup {
    let kind = match ruling.outcome {
        _ if !ruling.is_firm() => "odd",
        Outcome::Better | Outcome::Equivalent => "good",
        Outcome::Worse => "bad",
        Outcome::Inconclusive => "plain",
    };
    html! { span .state.(kind) { (ruling.word) } }
}

fn verdict(ruling: &Ruling) -> Markup {
    html! {
        section .verdict {
            h2 { (word(ruling)) " " (line(&ruling.heading)) @if let Some(hangs) = &ruling.hangs { " " span .faint { (line(hangs)) } } }
            @if let Some(why) = ruling.stand_ins { p .note { strong { "Stand-ins. " } (why) } }
            @if let Some(stop) = &ruling.stop { p .fault { strong { (stop.order) } " " (line(&stop.why)) } }
            p { (line(&ruling.sentence)) }
            p { strong { "Why: " } (line(&ruling.because)) }
            p { strong { "Why it may be wrong: " } (line(&ruling.caveat)) }
            (notes(&ruling.place.notes))
            dl .facts { @for fact in &ruling.facts { (fact_of(fact)) } }
        }
    }
}

fn fact_of(fact: &Fact) -> Markup {
    html! {
        dt { (line(&fact.name)) }
        dd { b { (line(&fact.value)) } " " span .faint { (line(&fact.meaning)) } (notes(&fact.place.notes)) }
    }
}

fn notes(notes: &[Note]) -> Markup {
    html! { @for note in notes { p .note { strong { (note.tone.word()) ": " } (line(&note.text)) } } }
}

/// What speaks against the numbers. What is all right is told shortly.
fn health(checks: &[Check]) -> Markup {
    let (good, other): (Vec<_>, Vec<_>) = checks.iter().partition(|check| check.status == Status::Ok);
    html! {
        section {
            h2 { "Whether to trust it" }
            @for check in &other {
                p .note {
                    (standing(check.status)) " " code { (check.name) } ": " (line(&check.message))
                }
            }
            @if !good.is_empty() {
                details {
                    summary { (good.len()) " checks found nothing" }
                    ul { @for check in good { li { code { (check.name) } ": " (line(&check.message)) } } }
                }
            }
        }
    }
}

/// What speaks against these numbers, beside them.
fn concerning(checks: &[Check], what: &str) -> Markup {
    let own = checks.iter().filter(|check| check.status != Status::Ok);
    html! {
        @for check in own.filter(|check| check.concerns.split('/').next() == Some(what)) {
            p .note { (standing(check.status)) " " code { (check.name) } ": " (line(&check.message)) }
        }
    }
}

fn standing(status: Status) -> Markup {
    match status {
        Status::Ok => html! { span .state.good { "ok" } },
        Status::Warning => html! { span .state.odd { "warning" } },
        Status::Unhealthy => html! { span .state.bad { "unhealthy" } },
    }
}

/// The pairs of turns that are furthest apart, to be read side by side.
fn disagreements(comparison: &Comparison) -> Markup {
    let pairs: Vec<_> = (comparison.disagreements.iter())
        .filter_map(|own| Some((own, own.control_turn.as_ref()?, own.treatment_turn.as_ref()?)))
        .collect();
    html! {
        @if !pairs.is_empty() {
            details {
                summary { "The turns that differ most" }
                ul {
                    @for (own, control, treatment) in pairs {
                        li {
                            a href={ "/compare?a=" (control) "&b=" (treatment) } { (line(&own.persona)) ", round " (own.block + 1) }
                            ": " (own.control) " under " (line(comparison.control.as_str())) ", " (own.treatment) " under " (line(comparison.treatment.as_str()))
                        }
                    }
                }
            }
        }
    }
}

fn arms(key: &str, arms: &[ArmSummary]) -> Markup {
    html! {
        div .wide tabindex="0" role="region" aria-label="Arms" {
            table {
                thead {
                    tr {
                        th { "Arm" } th .number { "Turns" } th .number { "Completed" } th .number { "Rated" }
                        th .number { "Ratings of 1 2 3 4 5" } th {}
                    }
                }
                tbody {
                    @for own in arms {
                        @let name = own.arm.to_string();
                        @let turns = format!("/turns?experiment={}&arm={}", one_segment(key), one_segment(&name));
                        tr {
                            td { (line(&name)) }
                            td .number { a href=(turns) { (own.stages.assigned) } }
                            td .number { a href={ (turns) "&state=completed" } { (own.stages.completed) } }
                            td .number { (own.stages.parsed) }
                            td .number { (own.distribution.map(|count| count.to_string()).join(" ")) }
                            td { a .row href=(turns) { "its turns" } }
                        }
                    }
                }
            }
        }
    }
}
