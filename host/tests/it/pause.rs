//! Pause and resume: of everybody or one persona, in the middle of turns, and over a restart.

use std::collections::BTreeSet;

use domain::event::Event;
use persona_host::runner::{AskedBy, HeldBy, Reach, TickError};

use crate::support::house::{
    Blueprint, House, email, eventually, figures, held, next, script, within_reason,
};

/// A day of eight calls, of which some are made and none is under way when everybody is paused at once.
#[tokio::test]
async fn a_pause_at_once_stops_running_turns_before_their_next_call_and_they_go_on_after_it() {
    let house = Blueprint::of(&["Anna", "Ben"]).script(script(8, &[])).build().await;
    let mut events = house.runner.deps().events.listen();
    let runner = house.runner.clone();
    let tick = tokio::spawn(async move { runner.tick(None, std::time::Duration::ZERO).await });
    next(&mut events, |event| matches!(event, Event::ToolCalled { .. }).then_some(())).await;
    let stopped = house.runner.pause(None, Reach::NoNewStep, AskedBy::Http, None).await.unwrap();
    assert!(stopped > 0);
    let report = within_reason(tick).await.unwrap().unwrap();
    assert_eq!(report.ran_successfully, 0, "{report:?}");
    let paid = house.stack.claude().books().total.requests;
    assert!(paid < 10, "{paid} requests");

    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0), "nobody plays");
    assert_eq!(house.stack.claude().books().total.requests, paid);
    for name in ["Anna", "Ben"] {
        let turn = house.turn(name).await;
        assert_eq!(turn.summary.fault_code.as_deref(), Some("stopping"), "{turn:?}");
    }

    house.runner.resume(None).await.unwrap();
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
    for name in ["Anna", "Ben"] {
        let turn = house.turn(name).await;
        let steps: BTreeSet<&str> = turn.steps.iter().map(|step| step.key.as_str()).collect();
        assert_eq!(steps.len(), turn.steps.len(), "each step was taken once: {:?}", turn.steps);
        assert_eq!((house.actions(name).await.len(), house.asked(name).requests), (8, 10));
    }
}

#[tokio::test]
async fn a_pause_lets_running_turns_come_to_their_end_and_begins_none() {
    let house = Blueprint::of(&["Anna", "Ben"])
        .script(script(3, &[]))
        .config(|config| config.runner.concurrency = 1)
        .build()
        .await;
    let mut events = house.runner.deps().events.listen();
    let runner = house.runner.clone();
    let tick = tokio::spawn(async move { runner.tick(None, std::time::Duration::ZERO).await });
    next(&mut events, |event| matches!(event, Event::ToolCalled { .. }).then_some(())).await;
    assert_eq!(house.runner.pause(None, Reach::NoNewTurn, AskedBy::Http, None).await.unwrap(), 0);
    let report = within_reason(tick).await.unwrap().unwrap();
    assert_eq!(figures(&report), (2, 1, 0, 1), "{report:?}");
    assert_eq!(report.held[0].cause, HeldBy::Pause);
    assert!(held(&report)[0].1.starts_with("all personas are paused since 2026-11-23 12:00"), "{report:?}");
}

#[tokio::test]
async fn one_persona_is_paused_and_the_others_play_also_after_a_restart() {
    let house = House::scripted(&["Anna", "Ben"], script(1, &[])).await;
    let anna = email("Anna");
    house.runner.pause(Some(&anna), Reach::NoNewTurn, AskedBy::Http, None).await.unwrap();
    let house = house.restart().await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (2, 1, 0, 1));
    let (who, why) = held(&report)[0];
    assert_eq!(who, anna);
    assert!(why.starts_with("it is paused since 2026-11-23 12:00:"), "{why}");

    house.runner.resume(None).await.unwrap();
    assert_eq!(figures(&house.tick().await), (1, 0, 0, 1), "the end of a general pause is none of hers");
    house.runner.resume(Some(&anna)).await.unwrap();
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}

#[tokio::test]
async fn a_general_pause_outlasts_a_restart_and_the_configuration_says_when_it_began_with_one() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.runner.pause(None, Reach::NoNewTurn, AskedBy::Http, None).await.unwrap();
    let house = house.restart().await;
    assert!(house.runner.is_paused());
    assert!(house.runner.deps().events.metrics().text().contains("persona_paused 1\n"));
    // Who types `tick` overrides RUNNER_PAUSED, and not what somebody decided meanwhile.
    house.runner.play_although_configured();
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0));
    house.runner.resume(None).await.unwrap();
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}

/// The loop has no tick of its own for a minute.
#[tokio::test]
async fn after_a_pause_the_loop_goes_on_at_once_with_what_it_stopped() {
    let mut lively = House::scripted(&["Anna"], script(8, &[])).await.lively(true).await;
    let (house, events) = (&lively.house, &mut lively.events);
    let runner = house.runner.clone();
    // The start looks for turns that go on, and two do not look at once.
    let tick = tokio::spawn(async move {
        loop {
            match runner.tick(None, std::time::Duration::ZERO).await {
                Err(TickError::AlreadyLooking) => tokio::task::yield_now().await,
                came => return came,
            }
        }
    });
    next(events, |event| matches!(event, Event::ToolCalled { .. }).then_some(())).await;
    house.runner.pause(Some(&email("Anna")), Reach::NoNewStep, AskedBy::Http, None).await.unwrap();
    within_reason(tick).await.unwrap().unwrap();
    assert_eq!(house.turn("Anna").await.summary.state, "paused");
    house.runner.resume(Some(&email("Anna"))).await.unwrap();
    eventually(async || house.turn("Anna").await.summary.outcome == "completed").await;
}

#[tokio::test]
async fn a_pause_of_the_configuration_is_told_as_any_other_where_it_changes_something() {
    let house = House::of(&["Anna"]).await;
    let mut events = house.runner.deps().events.listen();
    for paused in [true, true, false, false] {
        house.runner.pause_as_configured(paused);
    }
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Paused { email: None, paused, .. } = event {
            told.push(paused);
        }
    }
    assert_eq!(told, [true, false]);
}
