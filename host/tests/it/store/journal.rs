//! Steps, and what they cost.

use domain::step::StepKey;
use serde_json::{Value, json};

use super::{Home, Shelf, answer, begin, call, intend, on_both_databases, persona, turn_id};

on_both_databases! {
    the_cost_of_a_turn_is_the_sum_and_null_when_one_price_is_unknown
    a_step_shows_intent_before_and_result_or_failure_after
}

async fn the_cost_of_a_turn_is_the_sum_and_null_when_one_price_is_unknown(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    for (name, costs, expected) in [
        ("anna", vec![Some(1_000_000), Some(2_000_000)], Some(0.003)),
        ("ben", vec![Some(1_000_000), None], None),
        ("kai", vec![None], None),
        ("tom", vec![], Some(0.0)),
    ] {
        let who = persona(name);
        begin(&ledger, &who).await;
        for (number, cost) in (1..).zip(&costs) {
            answer(&ledger, turn_id(&who), number, *cost).await;
        }
        let turn = ledger.recorded_turn(turn_id(&who)).await.unwrap().summary;
        assert_eq!(turn.cost_usd, expected, "{name}");
        let calls = u32::try_from(costs.len()).unwrap();
        assert_eq!((turn.model_calls, turn.usage.input), (calls, u64::from(calls) * 10), "{name}");
    }
}

async fn a_step_shows_intent_before_and_result_or_failure_after(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = turn_id(&anna);
    begin(&ledger, &anna).await;
    let done = intend(&ledger, (turn, 1), 0, &call("a.b", json!({}))).await;
    let failed = intend(&ledger, (turn, 1), 1, &call("a.c", json!({}))).await;
    intend(&ledger, (turn, 1), 2, &call("a.d", json!({}))).await;
    ledger.keep_step(done, r#"{"text":"ok"}"#);
    ledger.fail_step(failed, "lost", false);
    ledger.catch_up().await.unwrap();
    let steps = ledger.recorded_turn(turn).await.unwrap().steps;
    let seen: Vec<(&str, Option<&Value>, Option<&str>, bool)> = steps
        .iter()
        .map(|step| {
            (step.key.as_str(), step.result.as_ref(), step.failure.as_deref(), step.ended_at.is_some())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("main/01/000", Some(&json!({"text": "ok"})), None, true),
            ("main/01/001", None, Some("lost"), true),
            ("main/01/002", None, None, false),
        ]
    );
    let twice = ledger.begin_step(turn, 1, &StepKey::tool(1, 0), "{}").await;
    assert!(twice.is_err(), "a step of an attempt is made once");
}
