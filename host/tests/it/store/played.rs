//! What came of an experiment's turns, counted.

use chrono::TimeDelta;
use domain::event::TurnEnd;
use domain::experiment::{ArmName, Assignment};
use domain::fault::{Fault, Stage};
use domain::step::StepKey;
use domain::transcript::Phase;
use persona_host::store::Begun;

use super::{Shelf, answer_of, begin, fault, keep, persona, turn_id};
use crate::support::meddling::meddle;

#[tokio::test]
async fn the_rounds_of_a_turn_that_went_on_are_those_of_all_its_attempts_each_once() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    let registered = "INSERT INTO experiments (key, version, plan, sha256, registered_at)
                      VALUES ('tone', 1, '{}', '', 0)";
    meddle(&shelf.path(), registered).await;
    let ends = [TurnEnd::Faulted(Fault::stopping(Stage::ToolLoop)), fault()];
    // The third round was paid for twice: the program ended before its answer was there.
    let attempts = [(1, 1..=2, Some(&ends[0])), (2, 3..=3, Some(&ends[1])), (3, 3..=4, None)];
    for (attempt, rounds, end) in attempts {
        assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(attempt));
        let place = Assignment {
            experiment: "tone".to_owned(),
            version: 1,
            block: 0,
            place: 0,
            arm: ArmName::new("plain"),
        };
        ledger.assign(turn, &anna.email, &place).await.unwrap();
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
