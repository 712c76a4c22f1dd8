//! Who may begin a turn, and what its end means for that.

use chrono::TimeDelta;
use domain::persona::Persona;
use domain::turn_end::TurnEnd;
use persona_host::store::{Begun, LetGoOn, Occasion, Standing};

use super::{Home, Shelf, begin, fault, keep, occasion, on_both_databases, persona, turn_id};

on_both_databases! {
    a_turn_is_begun_once_and_again_only_when_its_hold_is_over
    of_many_who_begin_the_same_turn_at_once_one_does
    every_end_but_a_fault_and_a_skip_is_final
    a_turn_that_goes_on_after_its_day_keeps_that_day_and_delivers_it_once
    a_persona_does_one_thing_at_a_time
}

async fn a_turn_is_begun_once_and_again_only_when_its_hold_is_over(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Free);
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(1));
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Running);
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it runs");

    let at_least = shelf.in_(1).timestamp_millis();
    ledger.end(turn, &fault()).await.unwrap();
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Held);
    let Occasion::Held { until, attempts, why, faulted: true } = occasion(&ledger, &anna).await else {
        panic!("it is held")
    };
    assert!((at_least..=shelf.in_(1).timestamp_millis()).contains(&until.timestamp_millis()), "{until}");
    assert_eq!((attempts, why.as_str()), (1, "no"));
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is held");

    shelf.clock.advance(TimeDelta::minutes(2));
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Free);
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(2));
    let again = ledger.recorded_turn(turn).await.unwrap().summary;
    assert_eq!(
        (again.fault_code, again.fault_hint, again.ended_at, again.held_until),
        (None, None, None, None)
    );

    keep(&ledger, &anna).await.unwrap();
    ledger.end(turn, &TurnEnd::Completed).await.unwrap();
    shelf.clock.advance(TimeDelta::days(365));
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Over);
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is over");
}

async fn of_many_who_begin_the_same_turn_at_once_one_does(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let begun = futures_util::future::join_all((0..20).map(|_| begin(&ledger, &anna))).await;
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::Attempt(1)).count(), 1);
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::Refused).count(), 19);
}

async fn every_end_but_a_fault_and_a_skip_is_final(home: Home) {
    for (end, again) in [
        (TurnEnd::Completed, Begun::Refused),
        (TurnEnd::Idle, Begun::Refused),
        (TurnEnd::Skipped { reason: "Feiertag".to_owned(), until: None }, Begun::Attempt(2)),
        (fault(), Begun::Attempt(2)),
    ] {
        let shelf = Shelf::at(home);
        let (ledger, anna) = (shelf.open().await, persona("anna"));
        begin(&ledger, &anna).await;
        ledger.end(turn_id(&anna), &end).await.unwrap();
        shelf.clock.advance(TimeDelta::hours(1));
        assert_eq!(begin(&ledger, &anna).await, again, "{end:?}");
    }
}

async fn a_turn_that_goes_on_after_its_day_keeps_that_day_and_delivers_it_once(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    begin(&ledger, &anna).await;
    keep(&ledger, &anna).await.unwrap();
    for attempt in 2..=5 {
        assert_eq!(ledger.end(turn, &fault()).await.unwrap(), 1);
        shelf.clock.advance(TimeDelta::hours(1));
        assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(attempt));
    }
    assert_eq!(ledger.end(turn, &fault()).await.unwrap(), 1);
    assert_eq!(ledger.deliveries(100).await.unwrap().len(), 1);
    shelf.clock.advance(TimeDelta::days(365));
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is parked");
    let parked = ledger.recorded_turn(turn).await.unwrap();
    assert!(parked.summary.parked_at.is_some());
    let faults = parked.attempts.iter().map(|attempt| attempt.fault_code.as_deref());
    assert_eq!(faults.collect::<Vec<_>>(), [Some("login-refused"); 5], "each attempt is history");

    let id = turn.to_string();
    let LetGoOn::GoesOn { turn: meant, .. } = ledger.let_go_on(&id[..8]).await.unwrap() else {
        panic!("it goes on")
    };
    assert_eq!(meant, id);
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(6));
    assert_eq!(ledger.let_go_on(&id).await.unwrap(), LetGoOn::Runs);
    ledger.end(turn, &TurnEnd::Completed).await.unwrap();
    assert_eq!(ledger.let_go_on(&id).await.unwrap(), LetGoOn::Over);
}

async fn a_persona_does_one_thing_at_a_time(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    let next = Persona { last_active_at: Some(shelf.clock.now()), ..anna.clone() };
    assert_eq!(begin(&ledger, &next).await, Begun::Refused, "another turn of it runs");
    ledger.end(turn_id(&anna), &fault()).await.unwrap();
    assert_eq!(begin(&ledger, &next).await, Begun::Attempt(1));
    shelf.clock.advance(TimeDelta::hours(1));
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "now that one waits");
}
