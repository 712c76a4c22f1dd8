//! What came of an experiment's turns, counted.

use std::time::Instant;

use chrono::TimeDelta;
use domain::experiment::{ArmName, Assignment};
use domain::fault::{Fault, Stage};
use domain::step::StepKey;
use domain::transcript::Phase;
use domain::turn_end::TurnEnd;
use persona_host::store::Begun;

use super::{Home, Shelf, answer_of, begin, fault, keep, on_both_databases, persona, turn_id};

on_both_databases! {
    the_rounds_of_a_turn_that_went_on_are_those_of_all_its_attempts_each_once
    a_turn_took_as_long_as_its_attempts_unless_nobody_saw_the_end_of_one_or_the_clock_was_set_back
    amounts_below_nothing_are_not_known
}

const REGISTERED: &str = "INSERT INTO experiments (key, version, plan, sha256, registered_at)
    VALUES ('tone', 1, '{}', '', 0)";

fn place() -> Assignment {
    Assignment { experiment: "tone".to_owned(), version: 1, block: 0, place: 0, arm: ArmName::new("plain") }
}

async fn the_rounds_of_a_turn_that_went_on_are_those_of_all_its_attempts_each_once(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    shelf.meddle(REGISTERED).await;
    let ends = [TurnEnd::Faulted(Fault::stopping(Stage::ToolLoop)), fault()];
    // The third round was paid for twice: the program ended before its answer was there.
    let attempts = [(1, 1..=2, Some(&ends[0])), (2, 3..=3, Some(&ends[1])), (3, 3..=4, None)];
    for (attempt, rounds, end) in attempts {
        assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(attempt));
        ledger.assign(turn, &anna.email, &place()).await.unwrap();
        for round in rounds {
            let key = StepKey::model(Phase::Main, round);
            answer_of(&ledger, (turn, attempt), &key, Some(1_000_000_000)).await;
        }
        match end {
            Some(end) => {
                ledger.end(turn, end).await.unwrap();
                shelf.clock.advance(TimeDelta::hours(1));
            }
            None => keep(&ledger, &anna).await.unwrap(),
        }
    }
    answer_of(&ledger, (turn, 3), &StepKey::model(Phase::Rating, 1), Some(1_000_000_000)).await;
    ledger.end(turn, &TurnEnd::Completed).await.unwrap();
    let played = ledger.played("tone", 1).await.unwrap().played;
    let [own] = played.as_slice() else { panic!("{played:?}") };
    assert_eq!(own.observation.rounds, Some(4));
    assert_eq!(own.observation.cost, Some(6.0));
    assert_eq!(own.attempts, 2, "an orderly stop is none");
    assert_eq!(own.observation.unreadable, Some(false), "it was rated");
}

async fn a_turn_took_as_long_as_its_attempts_unless_nobody_saw_the_end_of_one_or_the_clock_was_set_back(
    home: Home,
) {
    let failed = |after| (after, Some(fault()));
    let of_two = Some(6.5);
    for (name, attempts, latency) in [
        ("one attempt", vec![(TimeDelta::milliseconds(2500), None)], Some(2.5)),
        ("two", vec![failed(TimeDelta::seconds(4)), (TimeDelta::milliseconds(2500), None)], of_two),
        ("set back in the first", vec![failed(TimeDelta::days(-1)), (TimeDelta::seconds(4), None)], None),
        ("set back in the last", vec![failed(TimeDelta::seconds(4)), (TimeDelta::seconds(-1), None)], None),
        (
            "broken off and found a day later",
            vec![
                (TimeDelta::days(1), Some(TurnEnd::Faulted(Fault::interrupted()))),
                (TimeDelta::seconds(4), None),
            ],
            None,
        ),
    ] {
        let shelf = Shelf::at(home);
        let (ledger, anna) = (shelf.open().await, persona("anna"));
        shelf.meddle(REGISTERED).await;
        let turn = turn_id(&anna);
        let began = Instant::now();
        for (after, end) in attempts {
            assert!(matches!(begin(&ledger, &anna).await, Begun::Attempt(_)), "{name}");
            ledger.assign(turn, &anna.email, &place()).await.unwrap();
            shelf.clock.advance(after);
            ledger.end(turn, &end.unwrap_or(TurnEnd::Completed)).await.unwrap();
            shelf.clock.advance(TimeDelta::hours(1));
        }
        let played = ledger.played("tone", 1).await.unwrap().played;
        // The clock of a test runs, too.
        let (took, at_most) = (played[0].observation.latency, began.elapsed().as_secs_f64());
        let is_so = match (took, latency) {
            (Some(took), Some(latency)) => (latency..=latency + at_most).contains(&took),
            (took, latency) => took == latency,
        };
        assert!(is_so, "{name}: {took:?} instead of {latency:?}, and {at_most} at most that it took here");
    }
}

async fn amounts_below_nothing_are_not_known(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    shelf.meddle(REGISTERED).await;
    begin(&ledger, &anna).await;
    ledger.assign(turn_id(&anna), &anna.email, &place()).await.unwrap();
    answer_of(&ledger, (turn_id(&anna), 1), &StepKey::model(Phase::Main, 1), Some(1)).await;
    ledger.end(turn_id(&anna), &TurnEnd::Completed).await.unwrap();
    for spoil in [
        "UPDATE usage SET input = -7000, cost = -1",
        "UPDATE attempts SET begun_at = 9223372036854775807, ended_at = -9223372036854775808",
    ] {
        shelf.meddle(spoil).await;
    }
    let own = ledger.played("tone", 1).await.unwrap().played.remove(0).observation;
    assert_eq!((own.tokens, own.cost, own.latency), (None, None, None));
}
