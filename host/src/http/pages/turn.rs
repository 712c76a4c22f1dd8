//! `/turns/{id}`: one turn from the question to the ratings, with what each step took, cost, was given and gave.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::stop;
use domain::usage::Usage;
use maud::{Markup, html};
use serde_json::Value;

use super::frame::{NoPage, Page};
use super::plugins::place_of;
use super::waterfall::Scale;
use super::words::{between, line, money, short, state, text, time, tokens};
use crate::http::face::Face;
use crate::http::filters::Named;
use crate::running::one_segment;
use crate::store::{Attempt, Recorded, RecordedStep, Summary, Then};

pub(super) async fn page(State(face): State<Face>, Named(id): Named) -> Result<Page, NoPage> {
    let deps = face.runner.deps();
    let now = deps.clock.now();
    let turn = deps.ledger.show(&id).await?;
    let id = turn.summary.id.clone();
    let body = html! {
        h1 { "Turn " code { (short(&id)) } " " (state(&turn.summary.state)) }
        (facts(&turn, now))
        (why(&turn.summary, now))
        (ratings(&turn))
        @for attempt in &turn.attempts { (attempt_of(&turn, attempt, now)) }
        (left_over(&turn))
        details {
            summary { "The whole turn as JSON" }
            pre tabindex="0" { (text(&serde_json::to_string_pretty(&turn).unwrap_or_default())) }
        }
    };
    let (title, address) = (format!("Turn {}", short(&id)), format!("/turns/{id}"));
    Ok(Page { title, place: "/turns", address, now, body })
}

fn facts(turn: &Recorded, now: DateTime<Utc>) -> Markup {
    let own = &turn.summary;
    let or_dash = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), line);
    html! {
        dl .facts {
            dt { "Persona" } dd { a href={ "/personas/" (one_segment(&own.persona)) } { (line(&own.persona)) } " (" (line(&own.archetype)) ")" }
            dt { "Began" } dd { (time(own.begun_at, now)) @if let Some(ended) = own.ended_at { ", took " (between(own.begun_at, ended)) } }
            dt { "Strategy" }
            dd {
                (or_dash(&own.strategy))
                @if let Some(settings) = turn.settings.as_ref().filter(|settings| settings.as_object().is_none_or(|map| !map.is_empty())) {
                    " with " code { (line(&settings.to_string())) }
                }
            }
            dt { "Plugin" }
            dd {
                @if let Some(plugin) = &own.plugin { a href={ "/plugins#" (build_of(own, plugin)) } { (line(plugin)) } } @else { "–" }
                " " (own.plugin_version.as_deref().map(line).unwrap_or_default())
                @if let Some(generation) = own.generation { ", generation " (generation) }
                @if let Some(digest) = &own.plugin_sha256 { ", " code title=(digest) { (digest.get(..12).unwrap_or(digest)) } }
                @if let Some(as_what) = own.served_as.as_deref().filter(|served| *served != "live") { ", served as " (line(as_what)) }
            }
            @if let Some(place) = &turn.assignment {
                dt { "Experiment" }
                dd { (line(&place.experiment.to_string())) ", arm " (line(&place.arm.to_string())) ", block " (place.block) }
            }
            dt { "Model" }
            dd {
                (or_dash(&own.model)) ": " (own.model_calls) " calls, " (tokens(own.usage.prompt())) " tokens in ("
                (tokens(own.usage.cache_read)) " from cache), " (tokens(own.usage.output)) " out, " (money(own.cost_usd))
            }
            dt { "Id" } dd { code { (own.id) } }
        }
    }
}

/// Why it did not go as it should, and what to do about it.
fn why(turn: &Summary, now: DateTime<Utc>) -> Markup {
    html! {
        @if let Some(unusual) = turn.stop_reason.as_deref().and_then(stop::unusual) {
            p .note { "The day ended because " (unusual) " (" code { (line(turn.stop_reason.as_deref().unwrap_or_default())) } ")." }
        }
        @if let Some(reason) = &turn.skip_reason { p .note { "Left out: " (line(reason)) } }
        @if let Some(message) = &turn.fault_message {
            div .fault {
                p {
                    strong { "Failed" } " in " (turn.fault_stage.as_deref().unwrap_or("–")) " ("
                    code { (turn.fault_code.as_deref().unwrap_or("–")) } "): " (line(message))
                }
                @if let Some(hint) = &turn.fault_hint { p { "What to do: " (line(hint)) } }
                @if let Some(since) = turn.parked_at { p { "Parked " (time(since, now)) ": " code { "persona-host turns resume " (turn.id) } " lets it go on." } }
                @if let Some(until) = turn.held_until { p { "Held; the hold ends " (time(until, now)) ", and then it " (turn.then.map_or("", Then::words)) "." } }
            }
        }
    }
}

fn ratings(turn: &Recorded) -> Markup {
    html! {
        @if !turn.summary.ratings.is_empty() {
            section {
                h2 { "Ratings" }
                dl .ratings {
                    @for rating in &turn.summary.ratings {
                        dt { (line(&rating.module)) " " b { (rating.score.get()) } }
                        dd { (rating.notes.as_deref().map(text).unwrap_or_default()) }
                    }
                }
            }
        }
    }
}

/// One attempt: how it ended, and its steps on a scale of time.
fn attempt_of(turn: &Recorded, attempt: &Attempt, now: DateTime<Utc>) -> Markup {
    let steps: Vec<&RecordedStep> = turn.steps.iter().filter(|step| step.attempt == attempt.number).collect();
    let instants = steps.iter().flat_map(|step| [Some(step.begun_at), step.ended_at]).flatten();
    let scale = Scale::over(instants.chain([attempt.begun_at]).chain(attempt.ended_at));
    html! {
        section .attempt {
            h2 {
                @if turn.attempts.len() > 1 { "Attempt " (attempt.number) " " } @else { "Course " }
                (state(&attempt.state))
            }
            p .faint {
                (time(attempt.begun_at, now))
                @if let Some(ended) = attempt.ended_at { ", " (between(attempt.begun_at, ended)) }
                ", " (money(attempt.cost_usd))
            }
            @if let (true, Some(message)) = (turn.attempts.len() > 1, attempt.fault_message.as_ref().or(attempt.skip_reason.as_ref())) {
                p .note { (line(message)) }
            }
            @if steps.is_empty() {
                p .faint { @if turn.pruned_at.is_some() { "Its steps were older than store.keep, and are gone." } @else { "It came to no step." } }
            }
            @if let Some(scale) = scale {
                ol .steps {
                    @if let Some(first) = steps.first() { li { (before(attempt, first, scale)) } }
                    @for step in steps { li { (step_of(step, scale, turn)) } }
                }
            }
        }
    }
}

/// What has to be done before the first step, and is none.
fn before(attempt: &Attempt, first: &RecordedStep, scale: Scale) -> Markup {
    let (from, to) = (attempt.begun_at, first.begun_at);
    html! {
        div .step .line {
            span .name { span .kind.other aria-hidden="true" {} "sign-in, space, tools" }
            span .detail {}
            (scale.bar("other", from, Some(to)))
            span .took { (between(from, to)) }
        }
    }
}

/// A step in a line that opens to all of it.
fn step_of(step: &RecordedStep, scale: Scale, turn: &Recorded) -> Markup {
    let (kind, name, detail, opened) = match step.key.split('/').collect::<Vec<_>>()[..] {
        [phase, "opening"] => opening(phase, step, turn),
        [phase, round] => model_round(phase, round, step),
        [_, _, _] => tool_call(step),
        _ => ("other", line(&step.key), String::new(), html! {}),
    };
    let took = step.ended_at.map(|ended| between(step.begun_at, ended));
    html! {
        details .step {
            summary {
                span .name { span .kind.(kind) aria-hidden="true" {} (name) }
                span .detail { (detail) }
                (scale.bar(kind, step.begun_at, step.ended_at))
                span .took { (took.unwrap_or_else(|| "not over".to_owned())) }
            }
            div .opened {
                (opened)
                @if let Some(failure) = &step.failure { p .fault { (line(failure)) } }
                details .raw {
                    summary { "The step as JSON" }
                    pre tabindex="0" { (text(&serde_json::to_string_pretty(step).unwrap_or_default())) }
                }
            }
        }
    }
}

type Shown = (&'static str, String, String, Markup);

fn opening(phase: &str, step: &RecordedStep, turn: &Recorded) -> Shown {
    // Before attempts went on, an opening had no result.
    let opened = step.result.as_ref().filter(|result| result.is_object()).unwrap_or(&step.intent);
    let said = |part: &str| text(opened[part].as_str().unwrap_or_default());
    let tools: Vec<&str> =
        opened["tools"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let own = &turn.summary;
    let name = if phase == "main" { "question of the day" } else { "question for ratings" };
    let function = if phase == "main" { "compose-turn" } else { "compose-rating" };
    let body = html! {
        p .by {
            "composed by " code { (function) } " of the plugin "
            @if let Some(plugin) = &own.plugin { a href={ "/plugins#" (build_of(own, plugin)) } { (line(plugin)) } } @else { "–" }
            " " (own.plugin_version.as_deref().map(line).unwrap_or_default())
            @if let Some(generation) = own.generation { ", generation " (generation) }
            @if let Some(digest) = &own.plugin_sha256 { ", " code title=(digest) { (digest.get(..12).unwrap_or(digest)) } }
        }
        h3 { "system" (part_of(&said("system"), own, function)) } pre tabindex="0" { (said("system")) }
        h3 { "user" (part_of(&said("user"), own, function)) } pre tabindex="0" { (said("user")) }
        @if let Some(rounds) = opened["max_rounds"].as_u64() { h3 { "most rounds" (by("the plugin")) } p { (rounds) } }
        @if !tools.is_empty() { h3 { (tools.len()) " tools" (by("mana-mcp's, as far as the plugin lets them through")) } p { (line(&tools.join(", "))) } }
        @if !opened["reply_schema"].is_null() {
            h3 { "shape of the reply" (by("the plugin")) } pre tabindex="0" { (text(&pretty(&opened["reply_schema"]))) }
        }
        @if let Some(most) = opened["max_tokens"].as_u64() { h3 { "most tokens of a reply" (by("the host's configuration")) } p { (most) } }
    };
    ("plugin", name.to_owned(), String::new(), body)
}

/// Of a text that a plugin composed: that it did, and how long it is.
fn part_of(text: &str, turn: &Summary, function: &str) -> Markup {
    let plugin = turn.plugin.as_deref().unwrap_or("–");
    by(&format!("{}, {function}, {} characters", line(plugin), text.chars().count()))
}

/// Where the build that served a turn is among the plugins.
fn build_of(turn: &Summary, plugin: &str) -> String {
    turn.plugin_sha256.as_deref().map_or_else(|| one_segment(plugin), |digest| place_of(plugin, digest))
}

/// Whose a part is.
fn by(whom: &str) -> Markup {
    html! { " " span .whose { (whom) } }
}

fn model_round(phase: &str, round: &str, step: &RecordedStep) -> Shown {
    let round = round.trim_start_matches('0');
    let name = if phase == "main" { format!("model, round {round}") } else { "model, ratings".to_owned() };
    let Some(reply) = &step.result else {
        return (
            "model",
            name,
            "no answer".to_owned(),
            html! { pre tabindex="0" { (text(&step.intent.to_string())) } },
        );
    };
    let usage: Usage = serde_json::from_value(reply["usage"].clone()).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
    let cost = reply["cost"].as_u64().map(|nano| nano as f64 / 1e9);
    let detail = format!("{} in, {} out, {}", tokens(usage.prompt()), tokens(usage.output), money(cost));
    let calls = reply["tool_calls"].as_array().into_iter().flatten();
    let calls: Vec<&str> = calls.filter_map(|call| call["tool"].as_str()).collect();
    let body = html! {
        p .faint {
            (line(reply["model"].as_str().unwrap_or("–"))) ", " (line(reply["stop_reason"].as_str().unwrap_or("–"))) ", "
            (usage.prompt()) " tokens in (" (usage.cache_read) " from cache, " (usage.cache_write_5m + usage.cache_write_1h) " to cache), "
            (usage.output) " out"
        }
        @if let Some(said) = reply["text"].as_str().filter(|said| !said.trim().is_empty()) { pre tabindex="0" { (text(said)) } }
        @if !calls.is_empty() { p { "wants " (line(&calls.join(", "))) } }
    };
    ("model", name, detail, body)
}

fn tool_call(step: &RecordedStep) -> Shown {
    let name = line(step.intent["tool"].as_str().unwrap_or("–"));
    let answer = step.result.as_ref();
    let failed = answer.is_some_and(|answer| answer["is_error"] == true);
    let detail = match (answer, failed) {
        (None, _) => "outcome unknown",
        (Some(_), true) => "said no",
        (Some(_), false) => "",
    };
    let body = html! {
        h3 { "input" } pre tabindex="0" { (text(&pretty(&step.intent["input"]))) }
        @if let Some(answer) = answer { h3 { "output" } pre tabindex="0" { (text(answer["text"].as_str().unwrap_or_default())) } }
    };
    (if failed || answer.is_none() { "tool-bad" } else { "tool" }, name, detail.to_owned(), body)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// What is not as it should be, although the turn went on.
fn left_over(turn: &Recorded) -> Markup {
    html! {
        @if !turn.problems.is_empty() {
            section {
                h2 { "Problems" }
                ul { @for problem in &turn.problems { li { @if let Some(path) = &problem.path { code { (line(path)) } ": " } (line(&problem.message)) } } }
            }
        }
        @if !turn.summary.unreadable.is_empty() {
            section { h2 { "Damaged in the ledger" } ul { @for why in &turn.summary.unreadable { li { (line(why)) } } } }
        }
        @if !turn.waiting.is_empty() {
            section {
                h2 { "Not delivered to mana-auth" }
                ul { @for part in &turn.waiting { li { (line(&part.part)) ": " (line(&part.state)) ", tried " (part.tries) "×. " (part.last_error.as_deref().map(line).unwrap_or_default()) } } }
            }
        }
    }
}
