//! What came of an experiment's turns, counted.

use chrono::TimeDelta;
use domain::event::TurnEnd;
use domain::experiment::{ArmName, Assignment};
use domain::fault::{Fault, Stage};
use domain::transcript::Phase;
use persona_host::store::{Begun, StepKey};

use super::{Shelf, answer_of, begin, fault, keep, persona, turn_id};
use crate::support::meddling::meddle;

/// A day that faulted before it did anything is begun anew: what it had asked belongs to no round of the day that
/// counts, but it was paid for.
#[tokio::test]
async fn the_rounds_of_a_turn_are_those_of_the_attempt_that_counts() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    let registered = "INSERT INTO experiments (key, version, plan, sha256, registered_at)
                      VALUES ('tone', 1, '{}', '', 0)";
    meddle(&shelf.path(), registered).await;
    let ends = [TurnEnd::Faulted(Fault::stopping(Stage::ToolLoop)), fault()];
    for (attempt, rounds, end) in [(1, 4, Some(&ends[0])), (2, 3, Some(&ends[1])), (3, 2, None)] {
        assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(attempt));
        let place = Assignment {
            experiment: "tone".to_owned(),
            version: 1,
            block: 0,
            place: 0,
            arm: ArmName::new("plain"),
        };
        ledger.assign(turn, &anna.email, &place).await.unwrap();
        for round in 1..=rounds {
            answer_of(&ledger, &StepKey::model(turn, attempt, Phase::Main, round), Some(1_000_000_000)).await;
        }
        match end {
            Some(end) => {
                ledger.end(turn, end).await.unwrap();
                shelf.clock.advance(TimeDelta::hours(1));
            }
            None => keep(&ledger, &anna).await.unwrap(),
        }
    }
    answer_of(&ledger, &StepKey::model(turn, 3, Phase::Rating, 1), Some(1_000_000_000)).await;
    ledger.end(turn, &TurnEnd::Completed).await.unwrap();
    let played = ledger.played("tone", 1).await.unwrap().played;
    let [own] = played.as_slice() else { panic!("{played:?}") };
    assert_eq!(own.observation.rounds, Some(2));
    assert_eq!(own.observation.cost, Some(10.0));
    assert_eq!(own.attempts, 2, "an orderly stop is none");
    assert_eq!(own.observation.unreadable, Some(false), "it was rated");
}
