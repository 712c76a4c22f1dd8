//! Turns and ticks between stand-ins that misbehave: what is kept, what is told, what is not done twice.

use std::time::Duration;

use chrono::TimeDelta;
use persona_host::domain::action::ActionStatus;
use persona_host::domain::event::Event;
use persona_host::domain::fault::Stage;
use persona_host::domain::persona::ModuleWeight;
use persona_host::mana::catalog::Entry;
use persona_host::runner::Runner;
use persona_host::standin::claude::{Fault, Script};
use persona_host::standin::{mana_auth, mana_mcp};

use crate::support::house::{
    ActionRow, Blueprint, FeedbackRow, House, email, eventually, failures, figures, held, next, within_reason,
};

const REFUSED: Fault = Fault::Error { status: 400, kind: "invalid_request_error" };

/// So many tools, one in each round, and these faults, one for each request.
fn script(calls: u32, faults: &[Fault]) -> Script {
    Script { calls_per_turn: Some(calls), faults: faults.to_vec(), ..Script::default() }
}

/// A persona is interested in one module only.
fn only(name: &'static str, module: &'static str) -> impl FnOnce(&mut Vec<Entry>) {
    move |residents| {
        let resident = residents.iter_mut().find(|entry| entry.name == name).unwrap();
        resident.module_mix = vec![ModuleWeight { module: module.to_owned(), weight: 1.0 }];
    }
}

fn silent(tool: &str) -> mana_mcp::Faults {
    mana_mcp::Faults { silent_tool: Some(tool.to_owned()), ..Default::default() }
}

fn marker(tool: &str) -> ActionRow {
    ActionRow { tool: tool.to_owned(), result: "ok".to_owned(), error: None, latency_ms: None }
}

/// A turn with kept actions ends in this fault: they are delivered, and it is never begun again.
async fn check_kept_but_not_repeated(house: &House, name: &str, stage: Stage, code: &str, actions: usize) {
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 0, 1, 0), "{report:?}");
    let turn = house.turn(name).await;
    let fault = (turn.summary.fault_stage.as_deref(), turn.summary.fault_code.as_deref());
    assert_eq!(fault, (Some(stage.name()), Some(code)), "{:?}", turn.summary);
    assert_eq!(turn.summary.held_until, None, "it is over, not held");
    assert_eq!(turn.actions.len(), actions);
    assert_eq!(house.actions(name).await.len(), actions, "they are delivered");
    let asked = house.asked(name).requests;
    house.later(TimeDelta::hours(2));
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0), "mana-auth knows of it");
    assert_eq!(house.asked(name).requests, asked);
    house.no_session_is_left().await;
}

#[tokio::test]
async fn a_rating_that_is_refused_costs_no_action_and_no_second_turn() {
    let faults = [Fault::None, Fault::None, Fault::None, REFUSED];
    let house = House::scripted(&["Anna"], script(2, &faults)).await;
    check_kept_but_not_repeated(&house, "Anna", Stage::AskRating, "claude-request-refused", 2).await;
    assert_eq!(house.feedback("Anna").await, []);
}

#[tokio::test]
async fn a_day_that_breaks_off_after_two_rounds_keeps_and_delivers_what_was_done() {
    let faults = [Fault::None, Fault::None, REFUSED];
    let house = House::scripted(&["Anna"], script(5, &faults)).await;
    check_kept_but_not_repeated(&house, "Anna", Stage::ToolLoop, "claude-request-refused", 2).await;
    assert_eq!(house.turn("Anna").await.summary.stop_reason.as_deref(), Some("fault"));
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
    assert_eq!(house.turn("Anna").await.summary.state, "completed");
    assert_eq!(house.actions("Anna").await.len(), 1);
    assert_eq!(house.feedback("Anna").await, []);
    assert_eq!(house.asked("Anna").requests, 2, "no rating is asked");
}

/// A reply without a call that could be made ends the day: nothing is done, which is marked.
#[tokio::test]
async fn a_reply_without_a_whole_call_makes_an_idle_day_and_touches_nothing() {
    for (fault, stop_reason) in [
        (Fault::CutByMaxTokens, "max_tokens"),
        (Fault::Refusal, "refusal"),
        (Fault::Empty, "end_turn"),
        (Fault::StopsFor("end_turn"), "end_turn"),
        (Fault::StopsFor("model_context_window_exceeded"), "model_context_window_exceeded"),
        (Fault::StopsFor("tool_use"), "tool_use"),
    ] {
        let house = House::scripted(&["Anna"], script(1, &[fault])).await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (1, 1, 0, 0), "{stop_reason}: {report:?}");
        let turn = house.turn("Anna").await.summary;
        assert_eq!((turn.state.as_str(), turn.stop_reason.as_deref()), ("idle", Some(stop_reason)));
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
        assert_eq!(house.turn("Anna").await.summary.mean_score(), None, "markers are no scores");
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
        opening.intent["user"].as_str().unwrap().to_owned()
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
async fn deliveries_wait_while_mana_auth_is_down_and_arrive_once() {
    let house = House::scripted(&["Anna", "Kai"], script(2, &[])).await;
    let failing = mana_auth::Faults { deliveries: u32::MAX, ..Default::default() };
    house.stack.auth().set_faults(failing);
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0), "the turns themselves are completed");
    assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 4);
    assert_eq!((house.actions("Anna").await, house.feedback("Anna").await), (vec![], vec![]));
    assert_eq!(house.turn("Anna").await.waiting.len(), 2, "the turn shows what is under way");

    house.later(TimeDelta::minutes(1));
    let again = house.tick().await;
    assert_eq!(figures(&again), (2, 0, 0, 2), "mana-auth still thinks that both are due: {again:?}");
    assert!(held(&again)[0].1.contains("mana-auth does not know it yet"), "{again:?}");

    // Back again, but the first answers are lost: what arrived already is sent once more.
    house.stack.auth().set_faults(mana_auth::Faults { lost_answers: 2, ..Default::default() });
    for _ in 0..4 {
        house.later(TimeDelta::hours(1));
        house.runner.flush().await.unwrap();
    }
    assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 0);
    for name in ["Anna", "Kai"] {
        let turn = house.turn(name).await;
        assert_eq!(house.actions(name).await.len(), turn.actions.len());
        assert_eq!(house.feedback(name).await.len(), turn.summary.ratings.len());
        assert!(turn.waiting.is_empty());
        assert_eq!(house.asked(name).requests, 4, "{name} was paid for once");
    }
}

#[tokio::test]
async fn a_delivery_that_mana_auth_will_never_take_is_set_aside_and_blocks_nobody() {
    let house = House::scripted(&["Anna", "Kai"], script(1, &[])).await;
    house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
    house.tick().await;
    let gone = "DELETE FROM auth.personas WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)";
    house.stack.database().execute(gone, &[email("Anna").into()]).await.unwrap();
    house.stack.auth().set_faults(mana_auth::Faults::default());
    house.later(TimeDelta::hours(1));
    let flushed = house.runner.flush().await.unwrap();
    assert_eq!((flushed.delivered, flushed.failed, flushed.waiting), (2, 2, 0));
    let set_aside = house.turn("Anna").await.waiting;
    assert!(set_aside.iter().all(|part| part.state == "refused"), "{set_aside:?}");
    assert!(set_aside[0].last_error.as_deref().unwrap().contains("Persona not found"), "{set_aside:?}");
    assert_eq!(house.actions("Kai").await.len(), 1);
}

#[tokio::test]
async fn others_do_not_wait_for_a_slow_persona() {
    let house = Blueprint::of(&["Sofia", "Anna", "Ben", "Tom", "Kai"])
        .resident(only("Sofia", "journal"))
        .resident(only("Anna", "todo"))
        .resident(only("Ben", "todo"))
        .resident(only("Tom", "notes"))
        .resident(only("Kai", "habits"))
        .script(script(2, &[]))
        .config(|config| config.runner.concurrency = 2)
        .build()
        .await;
    house.stack.mcp().set_faults(silent("journal.add"));
    let mut events = house.runner.deps().events.listen();
    let runner = house.runner.clone();
    let tick = tokio::spawn(async move { runner.tick(None, Duration::ZERO).await });
    let mut ended = Vec::new();
    while ended.len() < 4 {
        let over = |event: &Event| match event {
            Event::TurnEnded { email, .. } => Some(email.clone()),
            _ => None,
        };
        ended.push(next(&mut events, over).await);
    }
    ended.sort_unstable();
    assert_eq!(ended, ["Anna", "Ben", "Kai", "Tom"].map(email), "with one place for the four of them");
    assert!(!tick.is_finished());
    assert_eq!(house.turn("Sofia").await.summary.state, "running");

    house.stack.mcp().close_sessions().await;
    let report = within_reason(tick).await.unwrap().unwrap();
    assert_eq!((report.due, report.ran_successfully), (5, 4), "{report:?}");
    assert_eq!(failures(&report)[0].0, email("Sofia"));
    assert_eq!(house.turn("Sofia").await.actions[0].status, ActionStatus::Unknown, "it may have happened");
    assert_eq!(house.actions("Sofia").await[0].result, "error");
    house.no_session_is_left().await;
}

#[tokio::test]
async fn a_turn_that_takes_too_long_keeps_its_actions() {
    let house = Blueprint::of(&["Sofia"])
        .resident(only("Sofia", "journal"))
        .script(script(2, &[]))
        .config(|config| config.runner.turn_deadline = Duration::from_secs(2))
        .build()
        .await;
    house.stack.mcp().set_faults(silent("journal.add"));
    check_kept_but_not_repeated(&house, "Sofia", Stage::ToolLoop, "deadline", 1).await;
    let turn = house.turn("Sofia").await;
    assert_eq!(turn.summary.fault_message.as_deref(), Some("the turn took longer than 2s"));
    assert_eq!(turn.actions[0].status, ActionStatus::Unknown);
}

/// What every persona would meet is met once.
#[tokio::test]
async fn a_fault_that_everybody_would_meet_stops_the_tick() {
    for (fault, code) in
        [(Fault::KeyRefused, "claude-key-refused"), (Fault::SpendLimit, "claude-spend-limit")]
    {
        let house = Blueprint::of(&["Anna", "Ben", "Tom"])
            .script(script(1, &[fault]))
            .config(|config| config.runner.concurrency = 1)
            .build()
            .await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (3, 0, 1, 2), "{report:?}");
        assert!(held(&report).iter().all(|(_, why)| why.starts_with("the tick was stopped: Claude refused")));
        assert_eq!(house.stack.claude().books().total.requests, 1);
        assert_eq!(house.turn("Anna").await.summary.fault_code.as_deref(), Some(code));
        house.later(TimeDelta::minutes(2));
        assert_eq!(figures(&house.tick().await), (3, 3, 0, 0), "the next one tries again");
        house.no_session_is_left().await;
    }
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

/// No deadline can be that far away, which is the one way to make a turn panic from outside.
#[tokio::test]
async fn a_panic_in_a_turn_is_a_fault_of_that_turn() {
    let house =
        Blueprint::of(&["Anna"]).config(|config| config.runner.turn_deadline = Duration::MAX).build().await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 0, 1, 0), "{report:?}");
    assert!(failures(&report)[0].1.starts_with("a bug in persona-host: "), "{report:?}");
    let turn = house.turn("Anna").await.summary;
    assert_eq!((turn.state.as_str(), turn.fault_code.as_deref()), ("faulted", Some("panic")));
    assert!(turn.held_until.is_some());
    let metrics = house.runner.deps().events.metrics().text();
    assert!(metrics.contains("persona_turns_in_flight 0\n"), "nothing runs any more: {metrics}");
    assert_eq!(figures(&house.tick().await), (1, 0, 0, 1), "it is held like any other");
}

#[tokio::test]
async fn a_stop_in_the_middle_of_a_day_keeps_and_delivers_what_was_done() {
    let house = Blueprint::of(&["Anna", "Ben"])
        .script(script(8, &[]))
        .config(|config| config.runner.concurrency = 1)
        .build()
        .await;
    let (remote, commands) = Runner::door();
    let mut events = house.runner.deps().events.listen();
    let serving = tokio::spawn(house.runner.clone().serve(commands, false));
    let tick = tokio::spawn(async move { remote.tick(None).await });
    next(&mut events, |event| matches!(event, Event::ToolCalled { .. }).then_some(())).await;
    house.runner.deps().stop.cancel();
    within_reason(serving).await.unwrap();
    let report = within_reason(tick).await.unwrap().unwrap();
    assert_eq!(figures(&report), (2, 0, 1, 1), "{report:?}");
    assert_eq!(held(&report), [(email("Ben").as_str(), "persona-host is stopping")]);
    let turn = house.turn("Anna").await;
    assert_eq!(turn.summary.fault_code.as_deref(), Some("stopping"));
    assert!((1..8).contains(&turn.actions.len()), "{:?}", turn.actions);
    assert_eq!(house.actions("Anna").await.len(), turn.actions.len());
    house.no_session_is_left().await;
}

#[tokio::test]
async fn the_outbox_is_emptied_by_the_loop_itself() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
    house.tick().await;
    house.stack.auth().set_faults(mana_auth::Faults::default());
    house.later(TimeDelta::minutes(10));
    let (_remote, commands) = Runner::door();
    let serving = tokio::spawn(house.runner.clone().serve(commands, false));
    eventually(async || house.ledger().deliveries_waiting().await.unwrap() == 0).await;
    house.runner.deps().stop.cancel();
    within_reason(serving).await.unwrap();
    assert_eq!((house.actions("Anna").await.len(), house.feedback("Anna").await.len()), (1, 1));
}
