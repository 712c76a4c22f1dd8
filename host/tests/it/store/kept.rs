//! What belongs together is kept together.

use domain::delivery::{Rows, feedback_requests};
use domain::ids::StrategyName;
use domain::rating::{Rating, Score};
use persona_host::store::KeptRatings;
use serde_json::json;

use super::{Shelf, begin, keep, outcome, persona, turn_id};
use crate::support::meddling::meddle;

#[tokio::test]
async fn actions_and_their_delivery_are_kept_together_or_not_at_all() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    keep(&ledger, &anna).await.unwrap();
    let kept = ledger.recorded_turn(turn_id(&anna)).await.unwrap();
    assert_eq!(kept.actions, outcome().actions, "input keys stay in their order");
    assert_eq!(kept.actions[0].input.to_string(), r#"{"title":"b","a":1}"#);
    assert_eq!((kept.final_text.as_deref(), kept.waiting.len()), (Some("Gut."), 1));
    let waiting = ledger.deliveries(100).await.unwrap();
    assert!(matches!(&waiting[0].delivery.as_ref().unwrap().rows, Rows::Actions(rows) if rows.len() == 1));

    let ben = persona("ben");
    begin(&ledger, &ben).await;
    let full = "CREATE TRIGGER trapped BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END";
    meddle(&shelf.path(), full).await;
    keep(&ledger, &ben).await.unwrap_err();
    meddle(&shelf.path(), "DROP TRIGGER trapped").await;
    let nothing = ledger.recorded_turn(turn_id(&ben)).await.unwrap();
    assert_eq!((nothing.actions.len(), nothing.waiting.len(), nothing.final_text), (0, 0, None));
    assert_eq!(ledger.deliveries_waiting().await.unwrap(), 1);
    keep(&ledger, &ben).await.expect("the way is free again");
}

#[tokio::test]
async fn ratings_memory_and_end_are_kept_together() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let (turn, daily) = (turn_id(&anna), StrategyName::new("daily"));
    begin(&ledger, &anna).await;
    keep(&ledger, &anna).await.unwrap();
    let ratings = [("todo", 5), ("habits", 1)].map(|(module, score)| Rating {
        module: module.to_owned(),
        score: Score::try_from(score).unwrap(),
        notes: None,
    });
    let memory = json!({"date": "2026-11-23"});
    let kept = KeptRatings {
        persona: &anna.id,
        ratings: &ratings,
        requests: feedback_requests(turn, &ratings),
        memory: Some((&daily, &memory)),
    };
    ledger.keep_ratings(turn, kept).await.unwrap();
    let recorded = ledger.recorded_turn(turn).await.unwrap();
    assert_eq!(recorded.summary.state, "completed");
    assert_eq!(recorded.summary.ratings, ratings, "in the order in which they were given");
    let parts: Vec<&str> = recorded.waiting.iter().map(|part| part.part.as_str()).collect();
    assert_eq!(parts, ["actions", "feedback-1"]);
    assert_eq!(ledger.memory(&anna.id, &daily).await.unwrap(), Some(memory));
    assert_eq!(ledger.memory(&anna.id, &StrategyName::new("brief")).await.unwrap(), None);
}
