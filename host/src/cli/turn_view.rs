//! One turn for people: what was asked, each round, each tool call, ratings and cost.

use std::fmt::Write as _;

use serde_json::Value;

use super::output::{BAD, FAINT, HEAD, ODD, PLACE, styled};
use super::tick_view::cost;
use crate::store::{Recorded, RecordedStep, Summary};

/// The longest tool answer that is shown, in characters.
const SHOWN_ANSWER: usize = 400;

/// The turn as text.
pub(super) fn text(turn: &Recorded) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_turn(&mut text, turn);
    text
}

fn write_turn(out: &mut String, turn: &Recorded) -> std::fmt::Result {
    head(out, &turn.summary)?;
    for step in turn.steps.iter().filter(|step| step.attempt == turn.summary.attempt) {
        match step.key.split('/').collect::<Vec<_>>()[..] {
            [phase, "opening"] => opening(out, phase, &step.intent)?,
            [_, round] => model_round(out, round, step)?,
            [_, _, _] => tool_call(out, step)?,
            _ => {}
        }
    }
    tail(out, turn)
}

fn head(out: &mut String, turn: &Summary) -> std::fmt::Result {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
    writeln!(out, "{} {}", styled(HEAD, "turn"), turn.id)?;
    writeln!(out, "  persona   {} ({})", turn.persona, turn.archetype)?;
    let state = if turn.state == "faulted" { styled(BAD, &turn.state) } else { turn.state.clone() };
    writeln!(out, "  state     {state}, attempt {}", turn.attempt)?;
    let ended = turn.ended_at.map(|ended| (ended - turn.started_at).num_milliseconds());
    let took = ended.map_or(String::new(), |ms| format!(", {ms} ms"));
    writeln!(out, "  began     {}{took}", turn.started_at.format("%Y-%m-%d %H:%M:%S UTC"))?;
    let generation = turn.generation.map_or("–".to_owned(), |number| number.to_string());
    let digest = turn.plugin_sha256.as_deref().map_or("–", |digest| &digest[..12]);
    let (strategy, plugin) = (or_dash(&turn.strategy), or_dash(&turn.plugin));
    let version = or_dash(&turn.plugin_version);
    writeln!(
        out,
        "  strategy  {strategy} (plugin {plugin} {version}, generation {generation}, sha256 {digest})"
    )?;
    let (calls, usage) = (turn.model_calls, turn.usage);
    writeln!(
        out,
        "  model     {}: {calls} calls, {} prompt tokens ({} from cache), {} reply tokens, {}",
        or_dash(&turn.model),
        usage.prompt(),
        usage.cache_read,
        usage.output,
        cost(turn.cost_usd),
    )
}

fn opening(out: &mut String, phase: &str, opening: &Value) -> std::fmt::Result {
    writeln!(out, "\n{}", styled(HEAD, format!("{phase} phase")))?;
    paragraph(out, "system", opening["system"].as_str().unwrap_or_default())?;
    paragraph(out, "user", opening["user"].as_str().unwrap_or_default())?;
    let tools: Vec<&str> =
        opening["tools"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !tools.is_empty() {
        writeln!(out, "  {} {}", styled(PLACE, "tools "), tools.join(", "))?;
    }
    Ok(())
}

fn model_round(out: &mut String, round: &str, step: &RecordedStep) -> std::fmt::Result {
    let number = round.trim_start_matches('0');
    let Some(reply) = &step.result else {
        let why = step.failure.as_deref().unwrap_or("no answer was recorded");
        return writeln!(out, "\n  {} {}", styled(HEAD, format!("round {number}")), styled(BAD, why));
    };
    let usage = &reply["usage"];
    let detail = format!(
        "{}, {} ms, {} in, {} from cache, {} out",
        reply["stop_reason"].as_str().unwrap_or("–"),
        reply["latency_ms"],
        usage["input"],
        usage["cache_read"],
        usage["output"],
    );
    writeln!(out, "\n  {} {}", styled(HEAD, format!("round {number}")), styled(FAINT, detail))?;
    match reply["text"].as_str() {
        Some(text) if !text.trim().is_empty() => paragraph(out, "says", text),
        _ => Ok(()),
    }
}

fn tool_call(out: &mut String, step: &RecordedStep) -> std::fmt::Result {
    let tool = step.intent["tool"].as_str().unwrap_or("–");
    writeln!(out, "    {} {}", styled(PLACE, format!("→ {tool}")), step.intent["input"])?;
    match (&step.result, &step.failure) {
        (Some(answer), _) => {
            let said = single_line(answer["text"].as_str().unwrap_or_default());
            let said = if answer["is_error"] == true { styled(BAD, said) } else { styled(FAINT, said) };
            writeln!(out, "      {said}")
        }
        (None, Some(failure)) => writeln!(out, "      {}", styled(BAD, failure)),
        (None, None) => writeln!(out, "      {}", styled(ODD, "the answer was lost")),
    }
}

fn tail(out: &mut String, turn: &Recorded) -> std::fmt::Result {
    let summary = &turn.summary;
    if !summary.ratings.is_empty() {
        writeln!(out, "\n{}", styled(HEAD, "ratings"))?;
    }
    for rating in &summary.ratings {
        let notes = rating.notes.as_deref().unwrap_or_default();
        writeln!(out, "  {:<12} {}  {}", rating.module, rating.score.get(), printable(notes))?;
    }
    if !turn.problems.is_empty() {
        writeln!(out, "\n{}", styled(HEAD, "problems"))?;
    }
    for problem in &turn.problems {
        let place = problem.path.as_deref().map_or(String::new(), |path| format!("{path}: "));
        writeln!(out, "  {} {place}{}", styled(ODD, "!"), printable(&problem.message))?;
    }
    for part in &turn.waiting {
        let error = part.last_error.as_deref().unwrap_or("not tried yet");
        let (state, name, tries) = (styled(ODD, &part.state), &part.part, part.tries);
        writeln!(
            out,
            "\n{} {name}: {state} after {tries} tries: {}",
            styled(HEAD, "delivery"),
            printable(error)
        )?;
    }
    if let Some(message) = &summary.fault_message {
        let stage = summary.fault_stage.as_deref().unwrap_or("–");
        let code = summary.fault_code.as_deref().unwrap_or("–");
        writeln!(out, "\n{} in {stage} ({code}): {}", styled(BAD, "fault"), printable(message))?;
        if let Some(hint) = &summary.fault_hint {
            writeln!(out, "  {} {hint}", styled(PLACE, "hint:"))?;
        }
        if let Some(until) = summary.held_until {
            writeln!(out, "  held until {}", until.format("%Y-%m-%d %H:%M:%S UTC"))?;
        }
    }
    if let Some(reason) = &summary.skip_reason {
        writeln!(out, "\n{} {}", styled(ODD, "skipped:"), printable(reason))?;
    }
    Ok(())
}

fn paragraph(out: &mut String, name: &str, text: &str) -> std::fmt::Result {
    let label = styled(PLACE, format!("{name:<6}"));
    for (number, line) in text.lines().enumerate() {
        let label = if number == 0 { label.as_str() } else { "      " };
        writeln!(out, "  {label} {}", printable(line))?;
    }
    Ok(())
}

fn single_line(text: &str) -> String {
    let flat: Vec<&str> = text.split_whitespace().collect();
    let flat = printable(&flat.join(" "));
    match flat.char_indices().nth(SHOWN_ANSWER) {
        Some((end, _)) => format!("{}…", &flat[..end]),
        None => flat,
    }
}

/// Model text is untrusted: escape sequences in it stay inert on a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
