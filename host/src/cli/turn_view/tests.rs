//! One turn, as people read it.

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::store::UndeliveredPart;
use domain::behavior::Problem;
use domain::rating::{Rating, Score};

fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().expect("a time")
}

fn step(attempt: u32, key: &str, intent: Value, result: Option<Value>) -> RecordedStep {
    let (begun_at, ended_at) = (noon(), Some(noon()));
    RecordedStep { attempt, key: key.to_owned(), intent, result, failure: None, begun_at, ended_at }
}

fn attempt(number: u32, code: &str, message: &str) -> Attempt {
    Attempt {
        number,
        begun_at: noon() + TimeDelta::minutes(number.into()),
        ended_at: Some(noon() + TimeDelta::minutes(number.into()) + TimeDelta::milliseconds(501)),
        state: "faulted".to_owned(),
        skip_reason: None,
        fault_stage: Some("tool-loop".to_owned()),
        fault_code: Some(code.to_owned()),
        fault_message: Some(message.to_owned()),
        fault_hint: None,
        model_calls: 1,
        cost_usd: Some(0.000_2),
    }
}

/// A turn in which something of everything happened.
fn turn() -> Recorded {
    let usage = Usage { input: 200, output: 60, cache_write_5m: 1500, cache_write_1h: 0, cache_read: 1400 };
    let reply = |text: &str, reason: &str| {
        Some(json!({"text": text, "stop_reason": reason, "latency_ms": 62, "usage": usage}))
    };
    let text = |text: &str| Some(text.to_owned());
    Recorded {
        pruned_at: None,
        assignment: None,
        summary: Summary {
            id: "3726fa9c-9965-8b22-990b-35fff5be20ea".to_owned(),
            persona: "persona.anna@mana.test".to_owned(),
            archetype: "adhd-student".to_owned(),
            state: "held".to_owned(),
            outcome: "faulted".to_owned(),
            paused_since: None,
            attempt: 2,
            begun_at: noon(),
            started_at: noon(),
            ended_at: Some(noon() + TimeDelta::milliseconds(501)),
            held_until: Some(noon() + TimeDelta::minutes(10)),
            parked_at: None,
            then: Some(Then::GoesOn),
            strategy: text("warm"),
            settings_hash: None,
            plugin: text("daily"),
            plugin_version: text("0.1.0"),
            generation: Some(3),
            served_as: Some("live".to_owned()),
            plugin_sha256: text("f7ee8cbf3b982d3e251d676c32ade51d0d8cb7de8c5d15aea23d317bae7b5c17"),
            model: text("claude-haiku-5-5"),
            stop_reason: None,
            actions: 2,
            action_errors: 1,
            ratings: vec![Rating {
                module: "todo".to_owned(),
                score: Score::try_from(4).expect("a score"),
                notes: text("Schnell angelegt, aber das Datum war mir zu umständlich, und das jedes Mal."),
            }],
            model_calls: 2,
            usage,
            cost_usd: Some(0.000_443),
            undelivered: 1,
            fault_stage: text("ask-rating"),
            fault_code: text("model-overloaded"),
            fault_message: text("Claude is overloaded: HTTP 529, and so it was at each of five attempts"),
            fault_hint: text("the turn is tried again by itself"),
            skip_reason: None,
            last_failure: None,
            unreadable: Vec::new(),
        },
        settings: Some(json!({"language": "de"})),
        final_text: None,
        attempts: vec![
            attempt(
                1,
                "model-unreachable",
                "Claude cannot be reached, and the error goes on for longer than a line",
            ),
            attempt(2, "model-overloaded", "Claude is overloaded"),
        ],
        steps: vec![
            step(
                1,
                "main/opening",
                json!({}),
                Some(
                    json!({"system": "Du bist Anna.", "user": "Ein Tag.\n\nUnd noch ein Satz, der so lang ist, dass er nicht in eine Zeile passt.",
                    "tools": ["todo.create", "todo.list"]}),
                ),
            ),
            RecordedStep { failure: text("a connection that broke"), ..step(1, "main/01", json!({}), None) },
            step(2, "main/01", json!({}), reply("Ich lege\u{1b}[31m etwas an.", "tool_use")),
            step(
                2,
                "main/01/toolu_1",
                json!({"tool": "todo.create", "input": {"title": "Spazieren"}}),
                Some(json!({"text": "{\n  \"ok\": true\n}", "is_error": false})),
            ),
            step(
                2,
                "main/01/toolu_2",
                json!({"tool": "todo.list", "input": {}}),
                Some(json!({"text": "Tool todo.list failed: not today", "is_error": true})),
            ),
            step(2, "main/01/toolu_3", json!({"tool": "todo.list", "input": {}}), None),
            step(2, "main/02", json!({}), reply("", "end_turn")),
            step(
                2,
                "rating/opening",
                json!({}),
                Some(json!({"system": "Du bist Anna.", "user": "Wie war es?"})),
            ),
            RecordedStep { failure: text("overloaded"), ..step(2, "rating/01", json!({}), None) },
        ],
        actions: Vec::new(),
        problems: vec![Problem::error(text("/ratings/1"), "rates mood, which was not used")],
        waiting: vec![UndeliveredPart {
            part: "actions".to_owned(),
            state: "waiting".to_owned(),
            tries: 3,
            last_error: text("postActions failed: HTTP 503 — later"),
        }],
    }
}

#[test]
fn absurd_rows_of_a_turn_are_shown_like_others() {
    let mut turn = turn();
    let most = u64::MAX;
    let absurd =
        Usage { input: most, output: most, cache_write_5m: 1, cache_write_1h: most, cache_read: most };
    turn.summary.usage = absurd;
    turn.steps[2].result.as_mut().expect("a reply")["usage"] = json!(absurd);
    let text = anstream::adapter::strip_str(&set_in(&turn, 72)).to_string();
    assert_eq!(
        text.matches(&format!("{most} tokens in ({most} from cache), {most} out")).count(),
        2,
        "{text}"
    );
}

#[test]
fn a_time_that_ends_before_it_began_is_no_time() {
    let mut turn = turn();
    turn.summary.ended_at = Some(noon() - TimeDelta::days(1));
    turn.attempts[0].ended_at = Some(noon() - TimeDelta::days(1));
    let text = anstream::adapter::strip_str(&set_in(&turn, 72)).to_string();
    let says = "UTC, the clock was set back before it ended";
    assert_eq!((text.matches(says).count(), text.contains("-86400")), (2, false), "{text}");
}

#[test]
fn a_turn_reads_from_the_question_to_what_came_of_it() {
    let text = anstream::adapter::strip_str(&set_in(&turn(), 72)).to_string();
    insta::assert_snapshot!(text);
    assert!(text.lines().all(|line| line == line.trim_end()), "no line ends in blanks");
}
