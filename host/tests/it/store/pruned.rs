//! What is old goes, and what is still needed stays.

use chrono::{DateTime, TimeDelta, Utc};
use domain::experiment::{ArmName, Assignment};
use domain::turn_end::TurnEnd;
use persona_host::store::Ledger;

use super::{Home, Shelf, answer, begin, fault, keep, on_both_databases, persona, turn_id};

on_both_databases! {
    the_steps_of_an_old_turn_go_and_what_it_did_and_cost_stays
    a_little_goes_at_a_time_oldest_first
    a_turn_that_is_not_over_or_not_delivered_stays_whole_however_old
    turns_of_an_experiment_stay_whole_while_it_runs
}

const MOST: u32 = 100;

/// A whole turn, delivered.
async fn play(shelf: &Shelf, ledger: &Ledger, name: &str) {
    let who = persona(name);
    begin(ledger, &who).await;
    answer(ledger, turn_id(&who), 1, Some(2_000_000_000)).await;
    keep(ledger, &who).await.unwrap();
    ledger.end(turn_id(&who), &TurnEnd::Completed).await.unwrap();
    for waiting in ledger.deliveries(MOST).await.unwrap() {
        ledger.delivered(&[waiting.seq]).await.unwrap();
    }
    shelf.clock.advance(TimeDelta::hours(1));
}

async fn steps(ledger: &Ledger, name: &str) -> usize {
    ledger.recorded_turn(turn_id(&persona(name))).await.unwrap().steps.len()
}

fn later(shelf: &Shelf) -> DateTime<Utc> {
    shelf.in_(1)
}

async fn the_steps_of_an_old_turn_go_and_what_it_did_and_cost_stays(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    play(&shelf, &ledger, "anna").await;
    let before = ledger.recorded_turn(turn_id(&persona("anna"))).await.unwrap();
    let between = shelf.clock.now();
    shelf.clock.advance(TimeDelta::hours(1));
    play(&shelf, &ledger, "ben").await;
    assert_eq!(ledger.prune(between, MOST).await.unwrap(), 1);
    let pruned = ledger.recorded_turn(turn_id(&persona("anna"))).await.unwrap();
    assert_eq!((before.steps.len(), pruned.steps.len()), (1, 0));
    assert!(pruned.pruned_at.is_some() && before.pruned_at.is_none());
    assert_eq!((pruned.actions, pruned.attempts.len()), (before.actions, before.attempts.len()));
    assert_eq!(pruned.summary.cost_usd, Some(2.0));
    assert_eq!(pruned.summary.usage, before.summary.usage);
    assert_eq!(steps(&ledger, "ben").await, 1, "it is younger");
    assert_eq!(ledger.prune(between, MOST).await.unwrap(), 0, "and that was all");
}

async fn a_little_goes_at_a_time_oldest_first(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    for name in ["anna", "ben", "cem"] {
        play(&shelf, &ledger, name).await;
    }
    assert_eq!(ledger.prune(later(&shelf), 2).await.unwrap(), 2);
    assert_eq!((steps(&ledger, "anna").await, steps(&ledger, "cem").await), (0, 1));
    assert_eq!(ledger.prune(later(&shelf), 2).await.unwrap(), 1);
}

async fn a_turn_that_is_not_over_or_not_delivered_stays_whole_however_old(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    for name in ["running", "held", "parked", "undelivered"] {
        let who = persona(name);
        begin(&ledger, &who).await;
        answer(&ledger, turn_id(&who), 1, None).await;
    }
    ledger.end(turn_id(&persona("held")), &fault()).await.unwrap();
    ledger.end(turn_id(&persona("parked")), &fault()).await.unwrap();
    let parked = format!(
        "UPDATE turns SET held_until = NULL, parked_at = 1 WHERE id = '{}'",
        turn_id(&persona("parked"))
    );
    shelf.meddle(&parked).await;
    keep(&ledger, &persona("undelivered")).await.unwrap();
    ledger.end(turn_id(&persona("undelivered")), &TurnEnd::Completed).await.unwrap();
    shelf.clock.advance(TimeDelta::days(400));
    assert_eq!(ledger.prune(later(&shelf), MOST).await.unwrap(), 0);
}

async fn turns_of_an_experiment_stay_whole_while_it_runs(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let registered =
        "INSERT INTO experiments (key, version, plan, sha256, registered_at) VALUES ('tone', 1, '{}', '', 0)";
    shelf.meddle(registered).await;
    let mut began = Vec::new();
    for (block, name) in [(0, "anna"), (1, "ben")] {
        let place = Assignment {
            experiment: "tone".to_owned(),
            version: 1,
            block,
            place: 0,
            arm: ArmName::new("plain"),
        };
        began.push(shelf.clock.now());
        begin(&ledger, &persona(name)).await;
        ledger.assign(turn_id(&persona(name)), name, &place).await.unwrap();
        play(&shelf, &ledger, name).await;
    }
    assert_eq!(ledger.prune(began[1], MOST).await.unwrap(), 0, "the second turn of it is younger");
    assert_eq!(ledger.prune(later(&shelf), MOST).await.unwrap(), 2);
}
