//! What belongs together is kept together.

use domain::behavior::TurnOutcome;
use domain::delivery::{Rows, feedback_requests};
use domain::ids::StrategyName;
use domain::persona::Persona;
use domain::rating::{Rating, Score};
use persona_host::store::{KeptRatings, TurnFilter};
use serde_json::json;

use super::{Home, Refusal, Shelf, begin, keep, on_both_databases, outcome, persona, turn_id};

on_both_databases! {
    actions_and_their_delivery_are_kept_together_or_not_at_all
    ratings_memory_and_end_are_kept_together
    a_text_with_the_character_0_is_kept_as_far_as_the_database_has_it
}

async fn actions_and_their_delivery_are_kept_together_or_not_at_all(home: Home) {
    let shelf = Shelf::at(home);
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
    shelf.refuse("INSERT ON outbox", None, Refusal::Statement).await;
    keep(&ledger, &ben).await.unwrap_err();
    shelf.mend().await;
    let nothing = ledger.recorded_turn(turn_id(&ben)).await.unwrap();
    assert_eq!((nothing.actions.len(), nothing.waiting.len(), nothing.final_text), (0, 0, None));
    assert_eq!(ledger.deliveries_waiting().await.unwrap(), 1);
    keep(&ledger, &ben).await.expect("the way is free again");
}

async fn ratings_memory_and_end_are_kept_together(home: Home) {
    let shelf = Shelf::at(home);
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
    assert_eq!(recorded.summary.outcome, "completed");
    assert_eq!(recorded.summary.ratings, ratings, "in the order in which they were given");
    let parts: Vec<&str> = recorded.waiting.iter().map(|part| part.part.as_str()).collect();
    assert_eq!(parts, ["actions", "feedback-1"]);
    assert_eq!(ledger.memory(&anna.id, &daily).await.unwrap(), Some(memory));
    assert_eq!(ledger.memory(&anna.id, &StrategyName::new("brief")).await.unwrap(), None);
}

async fn a_text_with_the_character_0_is_kept_as_far_as_the_database_has_it(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let nobody = Persona { email: "anna\0@mana.test".to_owned(), ..persona("an\0na") };
    begin(&ledger, &nobody).await;
    let said = TurnOutcome { final_text: Some("Gut\0.".to_owned()), ..outcome() };
    ledger.keep_actions(turn_id(&nobody), &said).await.unwrap();
    let filter = TurnFilter { email: Some(nobody.email.clone()), ..TurnFilter::default() };
    let listed = ledger.list(&filter).await.unwrap();
    let [own] = listed.as_slice() else { panic!("it is found by it: {listed:?}") };
    let (email, text) = match home {
        Home::File => ("anna\0@mana.test", "Gut\0."),
        Home::Server => ("anna\u{fffd}@mana.test", "Gut\u{fffd}."),
    };
    let shown = ledger.show(&own.id).await.unwrap();
    assert_eq!((shown.summary.persona.as_str(), shown.final_text.as_deref()), (email, Some(text)));
}
