//! A ledger that cannot store: what it then says, and that it goes on when it can.

use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::fault::{Fault, Stage};
use domain::step::StepKey;
use domain::turn_end::TurnEnd;
use persona_host::store::{Begun, LedgerError, Occasion, Standing};
use serde_json::json;

use super::{
    Home, Refusal, Shelf, begin, call, fault, intend, keep, occasion, on_both_databases, outcome, persona,
    said, try_begin, turn_id,
};

on_both_databases! {
    nothing_is_told_as_stored_that_is_not_and_what_comes_after_finds_the_ledger_as_it_should_be
    an_end_of_whatever_kind_keeps_what_every_attempt_had_done
    a_good_day_takes_along_what_an_earlier_attempt_had_done
    an_orderly_stop_prolongs_no_hold
    what_is_over_stays_over_whatever_is_told_of_it_later
    what_is_refused_keeps_a_turn_from_steps_and_from_no_end
    a_clock_that_was_set_back_prolongs_no_hold
    what_was_put_off_is_written_as_soon_as_it_can_be_and_keeps_only_its_own_turn_waiting
    what_was_put_off_is_written_also_when_the_turn_that_writes_it_is_cut_off
}

async fn nothing_is_told_as_stored_that_is_not_and_what_comes_after_finds_the_ledger_as_it_should_be(
    home: Home,
) {
    for &how in home.refusals() {
        let shelf = Shelf::at(home);
        let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
        begin(&ledger, &ben).await;
        let intent = serde_json::to_string(&call("todo.create", json!({}))).unwrap();
        let step = async || ledger.begin_step(turn_id(&ben), 1, &StepKey::tool(1, 0), &intent).await;

        shelf.refuse("INSERT ON turns", None, how).await;
        for _ in 0..2 {
            let refused = try_begin(&ledger, &anna).await;
            assert!(matches!(refused, Err(LedgerError::Statement { .. })), "{home:?}, {how:?}: {refused:?}");
        }
        assert_eq!(ledger.standing(turn_id(&anna)).await.unwrap(), Standing::Free, "{home:?}, {how:?}");
        shelf.mend().await;
        assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(1), "{home:?}, {how:?}");

        shelf.refuse("INSERT ON steps", None, how).await;
        step().await.expect_err("it is not stored");
        assert_eq!(ledger.recorded_turn(turn_id(&ben)).await.unwrap().steps.len(), 0, "{home:?}, {how:?}");
        shelf.mend().await;
        step().await.expect("it is stored");

        shelf.refuse("INSERT ON actions", None, how).await;
        keep(&ledger, &ben).await.expect_err("they are not stored");
        shelf.mend().await;
        keep(&ledger, &ben).await.expect("they are stored");
    }
}

async fn an_end_of_whatever_kind_keeps_what_every_attempt_had_done(home: Home) {
    let skipped = || TurnEnd::Skipped { reason: "Feiertag".to_owned(), until: None };
    let stopped = || TurnEnd::Faulted(Fault::stopping(Stage::ToolLoop));
    for end in [fault(), stopped(), skipped(), TurnEnd::Completed] {
        let shelf = Shelf::at(home);
        let (ledger, anna) = (shelf.open().await, persona("anna"));
        let turn = turn_id(&anna);
        for attempt in [1, 2] {
            assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(attempt));
            let step = intend(&ledger, (turn, attempt), 0, &call("todo.create", json!({"n": attempt}))).await;
            ledger.keep_step(step, &said("ja", false));
            // As a version left it that knew nothing of this.
            let held = "UPDATE turns SET state = 'faulted', held_until = 0 WHERE attempt = 1";
            shelf.meddle(held).await;
        }
        assert_eq!(ledger.end(turn, &end).await.unwrap(), 2, "{end:?}");
        let done: Vec<_> =
            ledger.recorded_turn(turn).await.unwrap().actions.into_iter().map(|own| own.input).collect();
        assert_eq!(done, [json!({"n": 1}), json!({"n": 2})], "{end:?}");
        assert_eq!(ledger.deliveries_waiting().await.unwrap(), 1, "{end:?}");
        assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Over, "{end:?}");
        assert_eq!(ledger.end(turn, &end).await.unwrap(), 2, "a second end adds nothing");
    }
}

async fn a_good_day_takes_along_what_an_earlier_attempt_had_done(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    begin(&ledger, &anna).await;
    intend(&ledger, (turn, 1), 0, &call("notes.add", json!({}))).await;
    shelf.meddle("UPDATE turns SET state = 'faulted', held_until = 0").await;
    begin(&ledger, &anna).await;
    assert_eq!(ledger.keep_actions(turn, &outcome()).await.unwrap(), 2);
    let kept = ledger.recorded_turn(turn).await.unwrap().actions;
    let tools: Vec<_> = kept.iter().map(|action| (action.index, action.tool.as_str())).collect();
    assert_eq!(tools, [(0, "todo.create"), (1, "notes.add")]);
}

async fn an_orderly_stop_prolongs_no_hold(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    for attempt in 1..=5 {
        assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(attempt), "at once");
        ledger.end(turn, &TurnEnd::Faulted(Fault::stopping(Stage::SignIn))).await.unwrap();
    }
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(6));
    ledger.end(turn, &fault()).await.unwrap();
    let held = occasion(&ledger, &anna).await;
    assert!(matches!(held, Occasion::Held { attempts: 1, .. }), "{held:?}");
    shelf.clock.advance(TimeDelta::minutes(1));
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(7), "held like after one attempt");
}

/// What was put off is not lost with the write that fails, and one turn's stands in no other's way.
async fn what_was_put_off_is_written_as_soon_as_it_can_be_and_keeps_only_its_own_turn_waiting(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
    let (annas, bens) = (turn_id(&anna), turn_id(&ben));
    begin(&ledger, &anna).await;
    begin(&ledger, &ben).await;
    let step = intend(&ledger, (annas, 1), 0, &call("todo.create", json!({}))).await;
    let of_anna = format!("new.turn = '{annas}'");
    shelf.refuse("UPDATE ON steps", Some(&of_anna), Refusal::Statement).await;
    ledger.keep_step(step, &said("ja", false));
    intend(&ledger, (bens, 1), 0, &call("todo.create", json!({}))).await;
    let intent = serde_json::to_string(&call("todo.list", json!({}))).unwrap();
    let next = ledger.begin_step(annas, 1, &StepKey::tool(1, 1), &intent).await;
    assert!(next.is_err(), "nothing is begun before the last result is safe");
    shelf.mend().await;
    ledger.begin_step(annas, 1, &StepKey::tool(1, 1), &intent).await.unwrap();
    let steps = ledger.recorded_turn(annas).await.unwrap().steps;
    let results: Vec<bool> = steps.iter().map(|step| step.result.is_some()).collect();
    assert_eq!(results, [true, false]);
}

/// A turn is cut off at its deadline, wherever it waits. What it was writing belongs to others, too.
async fn what_was_put_off_is_written_also_when_the_turn_that_writes_it_is_cut_off(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
    let (annas, bens) = (turn_id(&anna), turn_id(&ben));
    begin(&ledger, &anna).await;
    begin(&ledger, &ben).await;
    for place in 0..60 {
        let step = intend(&ledger, (annas, 1), place, &call("todo.create", json!({}))).await;
        ledger.keep_step(step, &said("ja", false));
        let key = StepKey::tool(1, place);
        let mut cut_off = pin!(ledger.begin_step(bens, 1, &key, "{}"));
        tokio::task::yield_now().await;
        // At another moment each time, on the way from the first look at the queue to the commit.
        let moment = Instant::now() + Duration::from_micros(10 * place as u64);
        while poll_once(cut_off.as_mut()).await.is_none() && Instant::now() < moment {}
    }
    ledger.catch_up().await.unwrap();
    let steps = ledger.recorded_turn(annas).await.unwrap().steps;
    let lost: Vec<&str> =
        steps.iter().filter(|own| own.result.is_none()).map(|own| own.key.as_str()).collect();
    assert_eq!((steps.len(), lost), (60, vec![]));
}

async fn poll_once<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn what_is_over_stays_over_whatever_is_told_of_it_later(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    begin(&ledger, &anna).await;
    keep(&ledger, &anna).await.unwrap();
    ledger.end(turn, &TurnEnd::Completed).await.unwrap();
    // The answer to that was lost, and the turn took it for a fault.
    assert_eq!(ledger.end(turn, &fault()).await.unwrap(), 1);
    let own = ledger.recorded_turn(turn).await.unwrap();
    assert_eq!((own.summary.outcome.as_str(), own.summary.held_until), ("completed", None));
    assert_eq!(own.attempts[0].state, "completed");
}

async fn what_is_refused_keeps_a_turn_from_steps_and_from_no_end(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
    let turn = turn_id(&anna);
    for who in [&anna, &ben] {
        begin(&ledger, who).await;
    }
    let step = intend(&ledger, (turn, 1), 0, &call("todo.create", json!({}))).await;
    shelf.refuse("UPDATE ON steps", None, Refusal::Statement).await;
    ledger.keep_step(step, &said("ja", false));
    let intent = serde_json::to_string(&call("todo.create", json!({}))).unwrap();
    let next = async |turn, place| ledger.begin_step(turn, 1, &StepKey::tool(1, place), &intent).await;
    for place in 1..3 {
        next(turn, place).await.expect_err("what came of the step before is not safe");
    }
    next(turn_id(&ben), 0).await.expect("another turn is kept from nothing");
    assert_eq!(ledger.end(turn, &TurnEnd::Completed).await.unwrap(), 1, "and it comes to its end");
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Over);
    ledger.catch_up().await.expect("nobody asks for it any more");
}

async fn a_clock_that_was_set_back_prolongs_no_hold(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    ledger.end(turn_id(&anna), &fault()).await.unwrap();
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is held");
    shelf.clock.advance(TimeDelta::days(-30));
    assert_eq!(ledger.standing(turn_id(&anna)).await.unwrap(), Standing::Free);
    let open = occasion(&ledger, &anna).await;
    assert!(matches!(open, Occasion::Open { .. }), "{open:?}");
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(2));
}
