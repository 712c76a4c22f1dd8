//! One turn for people: what was asked, each round, each tool call, ratings and cost.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::output::{BAD, FAINT, HEAD, ODD, PLACE, styled, text_width};
use super::text::{printable, set};
use super::tick_view::cost;
use crate::store::{Attempt, Recorded, RecordedStep, Summary, Then};
use domain::action::{Action, ActionStatus};
use domain::code::Code;
use domain::state::State;
use domain::stop;
use domain::usage::Usage;

/// The longest tool answer that is shown, in characters.
const SHOWN_ANSWER: usize = 400;

/// The turn as text.
pub(super) fn text(turn: &Recorded) -> String {
    set_in(turn, text_width())
}

/// The turn as text of this width, in characters.
fn set_in(turn: &Recorded, width: usize) -> String {
    let mut page = Page { text: String::new(), width };
    // Writing to a string cannot fail.
    let _ = write_turn(&mut page, turn);
    page.text
}

/// Text that grows, and how wide it may get.
struct Page {
    text: String,
    width: usize,
}

impl Page {
    /// Running text after `label`; further lines begin `indent` characters from the left.
    fn set(&mut self, label: &str, indent: usize, text: &str) {
        self.text += &set(label, indent, text, self.width);
    }

    fn paragraph(&mut self, name: &str, text: &str) {
        let label = format!("  {} ", styled(PLACE, format!("{name:<6}")));
        self.set(&label, 9, text);
    }
}

impl std::fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.text.write_str(text)
    }
}

fn write_turn(out: &mut Page, turn: &Recorded) -> std::fmt::Result {
    head(out, turn)?;
    attempts(out, &turn.attempts)?;
    if let Some(since) = turn.pruned_at {
        pruned(out, since, &turn.actions)?;
    }
    let (mut system, mut attempt) = ("", 1);
    for step in &turn.steps {
        if step.attempt != attempt {
            attempt = step.attempt;
            writeln!(out, "\n{}", styled(ODD, format!("attempt {attempt} goes on")))?;
        }
        match step.key.split('/').collect::<Vec<_>>()[..] {
            [phase, "opening"] => {
                // Before attempts went on, an opening had no result.
                let opened = step.result.as_ref().filter(|result| result.is_object()).unwrap_or(&step.intent);
                opening(out, phase, opened, system)?;
                system = opened["system"].as_str().unwrap_or_default();
            }
            [_, round] => model_round(out, round, step)?,
            [_, _, _] => tool_call(out, step)?,
            _ => {}
        }
    }
    ratings(out, turn)?;
    left_over(out, turn)?;
    end(out, &turn.summary)
}

/// What is left of an old turn's day.
fn pruned(out: &mut Page, since: DateTime<Utc>, actions: &[Action]) -> std::fmt::Result {
    let since = since.format("%Y-%m-%d %H:%M:%S UTC");
    writeln!(out, "\n{} since {since}: they were older than store.keep", styled(ODD, "its steps are gone"))?;
    for action in actions {
        let status = match action.status {
            ActionStatus::Ok => "",
            ActionStatus::Error => ", refused or failed",
            ActionStatus::Unknown => ", outcome unknown",
        };
        writeln!(out, "  {}{status}", printable(&action.tool))?;
    }
    Ok(())
}

fn head(out: &mut Page, recorded: &Recorded) -> std::fmt::Result {
    let turn = &recorded.summary;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    writeln!(out, "{} {}", styled(HEAD, "turn"), turn.id)?;
    writeln!(out, "  persona   {} ({})", turn.persona, turn.archetype)?;
    let is_bad = matches!(State::of(&turn.state), Some(State::Faulted | State::Parked));
    let state = if is_bad { styled(BAD, &turn.state) } else { turn.state.clone() };
    let ended = if turn.outcome == turn.state { String::new() } else { format!(" ({})", turn.outcome) };
    writeln!(out, "  state     {state}, attempt {}{ended}", turn.attempt)?;
    if let Some(reason) = &turn.stop_reason
        && let Some(unusual) = stop::unusual(reason)
    {
        writeln!(out, "  ended by  {}: {unusual}", styled(ODD, printable(reason)))?;
    }
    let took = took(turn.begun_at, turn.ended_at);
    writeln!(out, "  began     {}{took}", turn.begun_at.format("%Y-%m-%d %H:%M:%S UTC"))?;
    let generation = turn.generation.map_or("–".to_owned(), |number| number.to_string());
    let digest = turn.plugin_sha256.as_deref().map_or("–", |digest| digest.get(..12).unwrap_or(digest));
    let (strategy, plugin) = (or_dash(&turn.strategy), or_dash(&turn.plugin));
    let version = or_dash(&turn.plugin_version);
    let served_as = match turn.served_as.as_deref() {
        None | Some("live") => String::new(),
        Some(other) => format!(", {}", styled(ODD, format!("served as {other}"))),
    };
    writeln!(
        out,
        "  strategy  {strategy} (plugin {plugin} {version}, generation {generation}, sha256 {digest}{served_as})"
    )?;
    if let Some(settings) = recorded.settings.as_ref().filter(|settings| *settings != &json!({})) {
        writeln!(out, "  settings  {settings}")?;
    }
    if let Some(place) = &recorded.assignment {
        writeln!(
            out,
            "  plays     {} of the experiment {}, version {}, block {}, place {}",
            place.arm, place.experiment, place.version, place.block, place.place
        )?;
    }
    let (calls, usage) = (turn.model_calls, turn.usage);
    writeln!(
        out,
        "  model     {}: {calls} calls, {} tokens in ({} from cache), {} out, {}",
        or_dash(&turn.model),
        usage.prompt(),
        usage.cache_read,
        usage.output,
        cost(turn.cost_usd),
    )
}

/// Every attempt, where there was more than one: a later success erases none.
fn attempts(out: &mut Page, attempts: &[Attempt]) -> std::fmt::Result {
    if attempts.len() < 2 {
        return Ok(());
    }
    writeln!(out, "\n{}", styled(HEAD, "attempts"))?;
    for attempt in attempts {
        let began = attempt.begun_at.format("%Y-%m-%d %H:%M:%S UTC");
        let took = took(attempt.begun_at, attempt.ended_at);
        let state = if attempt.state == State::Faulted.name() {
            styled(BAD, &attempt.state)
        } else {
            attempt.state.clone()
        };
        let place = match (&attempt.fault_stage, &attempt.fault_code) {
            (Some(stage), Some(code)) => format!(" in {stage} ({code})"),
            _ => String::new(),
        };
        let price = cost(attempt.cost_usd);
        writeln!(out, "  {}  {began}{took}, {price}: {state}{place}", attempt.number)?;
        if let Some(why) = attempt.fault_message.as_ref().or(attempt.skip_reason.as_ref()) {
            out.set("     ", 5, why);
        }
    }
    Ok(())
}

/// How long something took that has ended.
fn took(began: DateTime<Utc>, ended: Option<DateTime<Utc>>) -> String {
    match ended.map(|ended| (ended - began).num_milliseconds()) {
        Some(ms @ 0..) => format!(", {ms} ms"),
        Some(_) => ", the clock was set back before it ended".to_owned(),
        None => String::new(),
    }
}

/// What the plugin asked for. The same system prompt again is only mentioned.
fn opening(out: &mut Page, phase: &str, opening: &Value, before: &str) -> std::fmt::Result {
    writeln!(out, "\n{}", styled(HEAD, format!("{phase} phase")))?;
    match opening["system"].as_str().unwrap_or_default() {
        system if !system.is_empty() && system == before => out.paragraph("system", "as before"),
        system => out.paragraph("system", system),
    }
    out.paragraph("user", opening["user"].as_str().unwrap_or_default());
    let tools: Vec<&str> =
        opening["tools"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !tools.is_empty() {
        out.paragraph("tools", &tools.join(", "));
    }
    Ok(())
}

fn model_round(out: &mut Page, round: &str, step: &RecordedStep) -> std::fmt::Result {
    let head = styled(HEAD, format!("round {}", round.trim_start_matches('0')));
    let Some(reply) = &step.result else {
        let why = step.failure.as_deref().unwrap_or("no answer was recorded");
        return writeln!(out, "\n  {head}  {}", styled(BAD, printable(why)));
    };
    let usage: Usage = serde_json::from_value(reply["usage"].clone()).unwrap_or_default();
    let detail = format!(
        "{}, {} ms, {} tokens in ({} from cache), {} out",
        reply["stop_reason"].as_str().unwrap_or("–"),
        reply["latency_ms"],
        usage.prompt(),
        usage.cache_read,
        usage.output,
    );
    writeln!(out, "\n  {head}  {}", styled(FAINT, detail))?;
    if let Some(text) = reply["text"].as_str().filter(|text| !text.trim().is_empty()) {
        out.paragraph("says", text);
    }
    Ok(())
}

fn tool_call(out: &mut Page, step: &RecordedStep) -> std::fmt::Result {
    let tool = step.intent["tool"].as_str().unwrap_or("–");
    let call = format!("    {} ", styled(PLACE, format!("→ {tool}")));
    out.set(&call, 6, &step.intent["input"].to_string());
    let (style, said) = match (&step.result, &step.failure) {
        (Some(answer), _) => {
            let style = if answer["is_error"] == true { BAD } else { FAINT };
            (style, single_line(answer["text"].as_str().unwrap_or_default()))
        }
        (None, Some(failure)) => (BAD, single_line(failure)),
        (None, None) => (ODD, "the answer was lost".to_owned()),
    };
    // Styled as a whole: a style that is open over a line's end is closed by the last one.
    let lines = set("      ", 6, &said, out.width);
    writeln!(out, "{}", styled(style, lines.trim_end()))
}

fn ratings(out: &mut Page, turn: &Recorded) -> std::fmt::Result {
    if !turn.summary.ratings.is_empty() {
        writeln!(out, "\n{}", styled(HEAD, "ratings"))?;
    }
    for rating in &turn.summary.ratings {
        let label = format!("  {:<12} {}  ", printable(&rating.module), rating.score.get());
        let notes = rating.notes.as_deref().filter(|notes| !notes.is_empty()).unwrap_or("–");
        out.set(&label, 18, notes);
    }
    Ok(())
}

/// What is not as it should be, although the turn went on.
fn left_over(out: &mut Page, turn: &Recorded) -> std::fmt::Result {
    if !turn.problems.is_empty() {
        writeln!(out, "\n{}", styled(HEAD, "problems"))?;
    }
    for problem in &turn.problems {
        let place = problem.path.as_deref().map_or(String::new(), |path| format!("{path}: "));
        let label = format!("  {} ", styled(ODD, "!"));
        out.set(&label, 4, &format!("{place}{}", problem.message));
    }
    if !turn.summary.unreadable.is_empty() {
        writeln!(out, "\n{}", styled(HEAD, "damaged in the ledger"))?;
    }
    for why in &turn.summary.unreadable {
        out.set(&format!("  {} ", styled(BAD, "!")), 4, why);
    }
    if !turn.waiting.is_empty() {
        writeln!(out, "\n{}", styled(HEAD, "not delivered to mana-auth"))?;
    }
    for part in &turn.waiting {
        let error = part.last_error.as_deref().unwrap_or("not tried yet");
        let label = format!("  {:<12} {}, tried {}×: ", part.part, styled(ODD, &part.state), part.tries);
        out.set(&label, 4, error);
    }
    Ok(())
}

/// Why the turn did not come to its end.
fn end(out: &mut Page, turn: &Summary) -> std::fmt::Result {
    if let Some(message) = &turn.fault_message {
        let stage = turn.fault_stage.as_deref().unwrap_or("–");
        let code = turn.fault_code.as_deref().unwrap_or("–");
        let word =
            if turn.outcome == State::Stopped.name() { styled(ODD, "stopped") } else { styled(BAD, "fault") };
        let label = format!("\n{word} in {stage} ({code}): ");
        out.set(&label, 2, message);
        if let Some(hint) = &turn.fault_hint {
            out.paragraph("hint", hint);
        }
        // One that an older version kept may have no page any more.
        if let Some(code) = turn.fault_code.as_deref().and_then(Code::of) {
            out.paragraph("more", &format!("`persona-host explain {code}`"));
        }
        if let Some(since) = turn.parked_at {
            let since = since.format("%Y-%m-%d %H:%M:%S UTC");
            let id = &turn.id;
            out.paragraph(
                "parked",
                &format!("since {since}: `persona-host turns resume {id}` lets it go on"),
            );
        }
        if let Some(since) = turn.paused_since {
            let (since, then) = (since.format("%Y-%m-%d %H:%M:%S UTC"), turn.then.map_or("", Then::words));
            out.paragraph("paused", &format!("since {since}: after `persona-host resume` it {then}"));
        } else if turn.state == State::Stopped.name() {
            out.paragraph("then", &format!("it {}", turn.then.map_or("", Then::words)));
        } else if let Some(until) = turn.held_until {
            let (until, then) = (until.format("%Y-%m-%d %H:%M:%S UTC"), turn.then.map_or("", Then::words));
            out.paragraph("held", &format!("until {until}, and then it {then}"));
        }
    }
    if let Some(reason) = &turn.skip_reason {
        let label = format!("\n{} ", styled(ODD, "skipped:"));
        out.set(&label, 2, reason);
    }
    Ok(())
}

/// Text in one line, cut to a length that can be looked over.
fn single_line(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(SHOWN_ANSWER) {
        Some((end, _)) => format!("{}…", &flat[..end]),
        None => flat,
    }
}

#[cfg(test)]
mod tests;
