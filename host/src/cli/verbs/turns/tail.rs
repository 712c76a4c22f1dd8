//! `turns tail`: turns as they go, a line as one begins, comes to its next stage, and ends.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::cli::Failure;
use crate::cli::args::Tail;
use crate::cli::output::{BAD, FAINT, GOOD, ODD, Output, styled};
use crate::cli::text::in_a_line;
use crate::cli::tick_view::{CAUSE, cost};
use crate::cli::verbs::tailing::{follow, when, whose};
use domain::fault::Stage;
use domain::kind::GAP;

/// What a turn's course is read from.
const KINDS: [&str; 4] = ["turn-started", "stage-ended", "model-called", "turn-ended"];

/// Shows turns as they go.
///
/// # Errors
/// When neither a daemon answers nor there is a ledger.
pub(super) async fn tail(args: &Tail, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let kinds = KINDS.map(str::to_owned);
    let mut spent = Spent::default();
    follow(args, &kinds, file, output, |event| {
        let said = course(event, &mut spent)?;
        Some(format!("{} {}{said}", when(event), whose(event)))
    })
    .await
}

/// What each turn under way has cost, of those whose beginning was seen.
#[derive(Default)]
struct Spent(BTreeMap<String, Option<f64>>);

/// What an event says of its turn; nothing where nothing is to be shown.
fn course(event: &Value, spent: &mut Spent) -> Option<String> {
    let turn = event["turn"].as_str().unwrap_or_default();
    match event["kind"].as_str()? {
        "turn-started" => {
            spent.0.insert(turn.to_owned(), Some(0.0));
            Some(match event["attempt"].as_u64() {
                None | Some(1) => "begins".to_owned(),
                Some(attempt) => format!("begins, attempt {attempt}"),
            })
        }
        "model-called" => {
            if let Some(sum) = spent.0.get_mut(turn) {
                *sum = sum.and_then(|sum| Some(sum + event["costUsd"].as_f64()?));
            }
            None
        }
        "stage-ended" if event["ok"] == true => {
            next(event["stage"].as_str()?).map(|stage| styled(FAINT, stage))
        }
        "stage-ended" => None,
        "turn-ended" => Some(ended(event, spent.0.remove(turn))),
        GAP => Some(styled(BAD, "some events are missing here; `persona-host turns list` has every turn")),
        _ => None,
    }
}

/// The stage that follows, if one does.
fn next(stage: &str) -> Option<&'static str> {
    Stage::ALL.into_iter().find(|own| own.name() == stage)?.next().map(Stage::name)
}

fn ended(event: &Value, spent: Option<Option<f64>>) -> String {
    let outcome = &event["outcome"];
    let state = outcome["state"].as_str().unwrap_or_default();
    let said = |name: &str| in_a_line(outcome[name].as_str().unwrap_or_default(), CAUSE);
    let how = match state {
        "completed" => format!("{}, rated {}", styled(GOOD, state), scores(event)),
        "faulted" => {
            format!("{} in {}: {} ({})", styled(BAD, "failed"), said("stage"), said("message"), said("code"))
        }
        "stopped" => format!("{} in {}: {}", styled(ODD, state), said("stage"), said("message")),
        "skipped" => format!("{}: {}", styled(ODD, state), said("reason")),
        other => styled(ODD, in_a_line(other, CAUSE)),
    };
    let actions = match event["actions"].as_u64().unwrap_or_default() {
        1 => "1 action".to_owned(),
        actions => format!("{actions} actions"),
    };
    let spent = spent.map(|usd| format!(", {}", cost(usd))).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let seconds = event["tookMs"].as_u64().unwrap_or_default() as f64 / 1000.0;
    format!("{how}  ({actions}{spent}, {seconds:.1} s)")
}

fn scores(event: &Value) -> String {
    let ratings = event["ratings"].as_array().into_iter().flatten();
    let words: Vec<String> = ratings
        .map(|own| {
            format!("{} {}", in_a_line(own["module"].as_str().unwrap_or_default(), CAUSE), own["score"])
        })
        .collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_turn_begins_goes_on_and_ends_with_what_it_cost() {
        let mut spent = Spent::default();
        for (event, said) in [
            (json!({ "kind": "turn-started", "attempt": 1 }), Some("begins")),
            (json!({ "kind": "stage-ended", "stage": "compose", "ok": true }), Some("tool-loop")),
            (json!({ "kind": "stage-ended", "stage": "parse", "ok": false }), None),
            (json!({ "kind": "stage-ended", "stage": "keep-ratings", "ok": true }), None),
            (json!({ "kind": "model-called", "costUsd": 0.25 }), None),
            (json!({ "kind": "model-called", "costUsd": 0.25 }), None),
            (
                json!({
                    "kind": "turn-ended", "outcome": { "state": "completed" }, "actions": 2, "tookMs": 1250,
                    "ratings": [{ "module": "todo", "score": 4 }],
                }),
                Some("completed, rated todo 4  (2 actions, $0.5000, 1.2 s)"),
            ),
            (json!({ "kind": "turn-started", "attempt": 2 }), Some("begins, attempt 2")),
            (json!({ "kind": "model-called", "costUsd": null }), None),
            (
                json!({
                    "kind": "turn-ended", "actions": 1, "tookMs": 0, "ratings": [],
                    "outcome": { "state": "faulted", "stage": "parse", "code": "bad-json", "message": "no\nJSON" },
                }),
                Some("failed in parse: no / JSON (bad-json)  (1 action, $?, 0.0 s)"),
            ),
            (
                json!({ "kind": "turn-ended", "outcome": { "state": "idle" }, "actions": 0, "tookMs": 5 }),
                Some("idle  (0 actions, 0.0 s)"),
            ),
        ] {
            let shown = course(&event, &mut spent);
            let plain = shown.map(|line| anstream::adapter::strip_str(&line).to_string());
            assert_eq!(plain.as_deref(), said, "{event}");
        }
    }
}
