//! Turns between stand-ins that misbehave: what is kept, what is told, what is not done twice.

mod again;
mod going_on;
mod kept;
mod on_a_server;
mod plugins;
mod talked_into;

use std::time::Duration;

use chrono::TimeDelta;
use domain::action::ActionStatus;
use domain::fault::Stage;
use domain::tool::is_marker;
use persona_host::store::RecordedStep;
use standin::claude::Fault;
use standin::mana_mcp;

use crate::support::house::{ActionRow, Blueprint, FeedbackRow, House, figures, script, silent};

const REFUSED: Fault = Fault::Error { status: 400, kind: "invalid_request_error" };

fn marker(tool: &str) -> ActionRow {
    ActionRow { tool: tool.to_owned(), result: "ok".to_owned(), error: None, latency_ms: None }
}

/// An attempt ends in this fault; the next one goes on from there, and what was answered is not asked or done again.
async fn check_held_and_gone_on_with(house: &House, name: &str, stage: Stage, code: &str, actions: usize) {
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 0, 1, 0), "{report:?}");
    let held = house.turn(name).await;
    let fault = (held.summary.fault_stage.as_deref(), held.summary.fault_code.as_deref());
    assert_eq!(fault, (Some(stage.name()), Some(code)), "{:?}", held.summary);
    assert!(held.summary.held_until.is_some(), "it goes on later");
    house.stack.mcp().set_faults(mana_mcp::Faults::default());

    house.later(TimeDelta::hours(2));
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 1, 0, 0), "{report:?}");
    let turn = house.turn(name).await;
    assert_eq!((turn.summary.outcome.as_str(), turn.summary.attempt), ("completed", 2));
    let answered = |step: &&RecordedStep| step.result.is_some();
    for step in held.steps.iter().filter(answered) {
        let rows = turn.steps.iter().filter(|own| own.key == step.key).count();
        assert_eq!(rows, 1, "{} is not taken again", step.key);
    }
    assert_eq!(turn.actions.len(), actions);
    assert_eq!(house.actions(name).await.len(), actions, "they are delivered");
    assert!(!house.feedback(name).await.is_empty(), "and rated");
    house.no_session_is_left().await;
}

#[tokio::test]
async fn a_rating_that_is_refused_is_asked_again_and_the_day_is_not() {
    let faults = [Fault::None, Fault::None, Fault::None, REFUSED];
    let house = House::scripted(&["Anna"], script(2, &faults)).await;
    check_held_and_gone_on_with(&house, "Anna", Stage::AskRating, "claude-request-refused", 2).await;
}

#[tokio::test]
async fn a_day_that_breaks_off_after_two_rounds_goes_on_with_the_third() {
    let faults = [Fault::None, Fault::None, REFUSED];
    let house = House::scripted(&["Anna"], script(5, &faults)).await;
    check_held_and_gone_on_with(&house, "Anna", Stage::ToolLoop, "claude-request-refused", 5).await;
}

/// The deadline of a turn is ten minutes, and ends it with another fault.
#[tokio::test]
async fn a_stream_of_nothing_but_pings_ends_its_call_and_the_day_goes_on_later() {
    let blueprint = Blueprint::of(&["Anna"]).script(script(3, &[Fault::None, Fault::None, Fault::OnlyPings]));
    let impatient = blueprint.config(|config| {
        (config.model.idle_timeout, config.model.max_attempts) = (Duration::from_secs(1), 1);
    });
    let house = impatient.build().await;
    check_held_and_gone_on_with(&house, "Anna", Stage::ToolLoop, "claude-no-content", 3).await;
}

#[tokio::test]
async fn a_tool_that_the_model_invents_is_answered_with_an_error_and_belongs_to_no_module() {
    let house = House::scripted(&["Anna"], script(2, &[Fault::InventsTool])).await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 1, 0, 0), "{report:?}");
    let turn = house.turn("Anna").await;
    let invented = &turn.actions[0];
    assert_eq!(
        (invented.tool.as_str(), invented.module.as_str(), invented.status),
        ("todo_teleport", "__unknown", ActionStatus::Error)
    );
    let words = "There is no tool todo_teleport. Use one of those that you were given.";
    assert_eq!(invented.error.as_deref(), Some(words));
    let delivered = &house.actions("Anna").await[0];
    assert_eq!((delivered.tool.as_str(), delivered.result.as_str()), ("todo_teleport", "error"));
    let rated = house.feedback("Anna").await;
    assert_eq!(rated.len(), 1, "the other action's module: {rated:?}");
    assert_ne!(rated[0].module, "__unknown");
    house.no_session_is_left().await;
}

#[tokio::test]
async fn a_day_of_invented_tools_alone_is_completed_without_a_rating() {
    let house = House::scripted(&["Anna"], script(1, &[Fault::InventsTool])).await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    assert_eq!(house.turn("Anna").await.summary.outcome, "completed");
    assert_eq!(house.actions("Anna").await.len(), 1);
    assert_eq!(house.feedback("Anna").await, []);
    assert_eq!(house.asked("Anna").requests, 2, "no rating is asked");
}

/// A reply without a call that could be made ends the day: nothing is done, which is marked. Idle is only who was done.
#[tokio::test]
async fn a_reply_without_a_whole_call_makes_a_day_without_actions_and_touches_nothing() {
    for (fault, state, stop_reason) in [
        (Fault::CutByMaxTokens, "completed", "max_tokens"),
        (Fault::Refusal, "completed", "refusal"),
        (Fault::Empty, "idle", "end_turn"),
        (Fault::StopsFor("end_turn"), "idle", "end_turn"),
        (Fault::StopsFor("model_context_window_exceeded"), "completed", "model_context_window_exceeded"),
        (Fault::StopsFor("tool_use"), "completed", "tool_use"),
        (Fault::StopsFor(""), "completed", "missing"),
        (Fault::StopsFor("a_new_one"), "completed", "a_new_one"),
    ] {
        let house = House::scripted(&["Anna"], script(1, &[fault])).await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (1, 1, 0, 0), "{stop_reason}: {report:?}");
        let turn = house.turn("Anna").await.summary;
        assert_eq!((turn.outcome.as_str(), turn.stop_reason.as_deref()), (state, Some(stop_reason)));
        assert_eq!(house.actions("Anna").await, [marker("__idle")], "{stop_reason}");
        assert_eq!(house.asked("Anna").requests, 1, "{stop_reason}");
        assert_eq!(house.count("SELECT count(*) AS count FROM mana_records").await, 0, "{stop_reason}");
        house.no_session_is_left().await;
    }
}

#[tokio::test]
async fn a_rating_that_cannot_be_read_leaves_a_marker_at_mana_auth() {
    for fault in [Fault::StopsFor("end_turn"), Fault::Refusal, Fault::Empty, Fault::CutByMaxTokens] {
        let faults = [Fault::None, Fault::None, fault.clone()];
        let house = House::scripted(&["Anna"], script(1, &faults)).await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (1, 1, 0, 0), "{fault:?}: {report:?}");
        let feedback = house.feedback("Anna").await;
        let [FeedbackRow { module, rating: 3, notes: Some(notes) }] = feedback.as_slice() else {
            panic!("{fault:?}: {feedback:?}")
        };
        assert_eq!(module, "__parse");
        assert!(!notes.is_empty(), "{fault:?}");
        let ratings = house.turn("Anna").await.summary.ratings;
        assert!(
            ratings.iter().all(|rating| is_marker(&rating.module)),
            "markers enter no average: {ratings:?}"
        );
    }
}

#[tokio::test]
async fn a_persona_remembers_its_last_day_on_the_next() {
    let house = House::scripted(&["Anna"], script(2, &[])).await;
    house.tick().await;
    let first = house.turn("Anna").await;
    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let turns = house.turns("Anna").await;
    assert_eq!(turns.len(), 2);
    let question = |turn: &persona_host::store::Recorded| {
        let opening = turn.steps.iter().find(|step| step.key == "main/opening").unwrap();
        opening.result.as_ref().unwrap()["user"].as_str().unwrap().to_owned()
    };
    let said = first.final_text.as_deref().unwrap();
    assert!(!question(&first).contains(said));
    let second = question(&turns[0]);
    assert!(
        second.contains(said) && second.contains("2026-11-24") && second.contains("2026-11-23"),
        "{second}"
    );
}

#[tokio::test]
async fn a_turn_that_takes_too_long_goes_on_and_tells_what_it_does_not_know() {
    let house = Blueprint::of(&["Sofia"])
        .interested("Sofia", "journal")
        .script(script(2, &[]))
        .config(|config| config.runner.turn_deadline = Duration::from_secs(2))
        .build()
        .await;
    house.stack.mcp().set_faults(silent("journal.add"));
    check_held_and_gone_on_with(&house, "Sofia", Stage::ToolLoop, "deadline", 2).await;
    let turn = house.turn("Sofia").await;
    let unknown = &turn.actions[0];
    assert_eq!(
        unknown.status,
        ActionStatus::Unknown,
        "nobody knows whether it was done, so it is not done again"
    );
    assert!(unknown.error.as_ref().unwrap().contains("outcome of this call is unknown"), "{unknown:?}");
    assert_eq!(turn.actions[1].status, ActionStatus::Ok);
}

#[tokio::test]
async fn a_mana_mcp_that_opens_no_session_is_a_fault_before_anything_is_paid() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.stack.mcp().set_faults(mana_mcp::Faults { refuses_initialize: true, ..Default::default() });
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    let turn = house.turn("Anna").await.summary;
    assert_eq!(turn.fault_stage.as_deref(), Some("tools"));
    assert!(turn.held_until.is_some());
    assert_eq!(house.stack.claude().books().total.requests, 0);
    house.stack.mcp().set_faults(mana_mcp::Faults::default());
    house.later(TimeDelta::minutes(2));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}
