//! What survives a process that dies in the middle of turns.

use chrono::TimeDelta;
use domain::action::ActionStatus;
use domain::delivery::Rows;
use persona_host::store::{Begun, Occasion};
use serde_json::json;

use super::{
    Home, Shelf, answer, begin, call, fault, intend, keep, occasion, on_both_databases, persona, said,
    turn_id,
};

on_both_databases! {
    turns_that_a_dead_process_left_running_are_marked_by_the_next
    what_an_interrupted_turn_had_done_is_kept_from_its_journal
}

async fn turns_that_a_dead_process_left_running_are_marked_by_the_next(home: Home) {
    let shelf = Shelf::at(home);
    let (anna, ben) = (persona("anna"), persona("ben"));
    let ledger = shelf.open().await;
    begin(&ledger, &anna).await;
    begin(&ledger, &ben).await;
    keep(&ledger, &ben).await.unwrap();
    drop(ledger);

    let ledger = shelf.open().await;
    for who in [&anna, &ben] {
        let turn = ledger.recorded_turn(turn_id(who)).await.unwrap().summary;
        assert_eq!((turn.outcome.as_str(), turn.fault_code.as_deref()), ("faulted", Some("interrupted")));
    }
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(2), "at once");
    assert_eq!(begin(&ledger, &ben).await, Begun::Attempt(2), "for its rating");
    assert_eq!(ledger.deliveries(100).await.unwrap().len(), 1, "its day is still to be delivered");
    drop(ledger);

    // It may be the turn that ends the process.
    let ledger = shelf.open().await;
    let held = occasion(&ledger, &anna).await;
    assert!(matches!(held, Occasion::Held { attempts: 2, .. }), "{held:?}");
    shelf.clock.advance(TimeDelta::minutes(1));
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(3));
    drop(ledger);
    let ledger = shelf.open().await;
    assert!(matches!(occasion(&ledger, &anna).await, Occasion::Parked { .. }));
}

/// What was done in the app stays done, so it is read off the journal and never done again.
async fn what_an_interrupted_turn_had_done_is_kept_from_its_journal(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    begin(&ledger, &anna).await;
    ledger.end(turn, &fault()).await.unwrap();
    shelf.clock.advance(TimeDelta::hours(1));
    begin(&ledger, &anna).await;
    answer(&ledger, turn, 1, Some(1)).await;
    let answers = [Some(Ok(false)), Some(Ok(true)), Some(Err("broken")), None];
    for (number, answer) in answers.iter().enumerate() {
        let step = intend(&ledger, (turn, 2), number, &call("todo.create", json!({"n": number}))).await;
        match answer {
            Some(Ok(is_error)) => ledger.keep_step(step, &said("said", *is_error)),
            Some(Err(failure)) => ledger.fail_step(step, failure, false),
            None => {}
        }
    }
    ledger.catch_up().await.unwrap();
    drop(ledger);

    let ledger = shelf.open().await;
    let recorded = ledger.recorded_turn(turn).await.unwrap();
    let seen: Vec<_> = recorded
        .actions
        .iter()
        .map(|action| {
            (action.input["n"].as_u64(), action.module.as_str(), action.status, action.error.as_deref())
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some(0), "todo", ActionStatus::Ok, None),
            (Some(1), "todo", ActionStatus::Error, Some("said")),
            (Some(2), "todo", ActionStatus::Unknown, Some("broken")),
            (Some(3), "todo", ActionStatus::Unknown, Some("the answer was lost")),
        ]
    );
    assert_eq!(recorded.summary.fault_code.as_deref(), Some("interrupted"));
    assert!(
        matches!(&ledger.deliveries(100).await.unwrap()[0].delivery.as_ref().unwrap().rows, Rows::Actions(rows) if rows.len() == 4)
    );
    shelf.clock.advance(TimeDelta::days(1));
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is over");
}
