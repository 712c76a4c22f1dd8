//! Contract 4.2 to 4.4: actions and feedback, their refusals in order, and what a repeat does.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use standin::database::Moment;

use super::on_both_databases;
use crate::neighbours::Neighbours;

on_both_databases! {
    each_row_of_the_error_table
    the_largest_batches_are_taken
    a_repeat_adds_nothing_and_still_counts_as_activity
    a_tick_split_over_requests_loses_rows_with_the_same_index_and_tool
    the_first_rating_of_a_module_in_a_tick_wins
    feedback_is_no_activity
    a_batch_that_fails_in_the_database_leaves_nothing
    every_field_of_an_action_is_kept
}

fn action() -> Value {
    json!({"tickId": "t", "toolName": "todo.create", "result": "ok"})
}

fn rating() -> Value {
    json!({"tickId": "t", "module": "todo", "rating": 4})
}

fn with(mut row: Value, field: &str, value: Value) -> Value {
    row[field] = value;
    row
}

async fn each_row_of_the_error_table(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let internal = (500, json!({"statusCode": 500, "message": "Internal server error"}));
    let error = |status: u16, text: &str| (status, json!({"error": text}));
    for (kind, limit, singular, row) in
        [("actions", 500, "action", action()), ("feedback", 100, "feedback", rating())]
    {
        let path = format!("/{kai}/{kind}");
        let check = async |path: &str, body: String, expected: (u16, Value)| {
            let answer = world.runner(Method::POST, path, &body).await;
            assert_eq!(answer.said(), expected, "{path} {}", &body.chars().take(80).collect::<String>());
        };
        let unknown = format!("/niemand/{kind}");
        for body in ["{", "", "{}"] {
            check(&unknown, body.to_owned(), error(404, "Persona not found")).await;
        }
        for body in ["{", "", "nicht"] {
            check(&path, body.to_owned(), error(400, "Invalid JSON")).await;
        }
        let required = error(400, &format!("`{kind}` array required"));
        for body in
            [json!({}), json!({kind: []}), json!({kind: {}}), json!({kind: "x"}), json!(null), json!([row])]
        {
            check(&path, body.to_string(), required.clone()).await;
        }
        let too_long = error(400, &format!("`{kind}` batch size must be ≤ {limit}"));
        check(&path, json!({kind: vec![row.clone(); limit + 1]}).to_string(), too_long.clone()).await;
        check(&path, json!({kind: vec![json!(7); limit + 1]}).to_string(), too_long).await;

        let invalid = error(400, &format!("One or more {singular} rows failed validation"));
        let mut bad = vec![json!(null), json!("x"), with(row.clone(), "tickId", json!(7))];
        if kind == "actions" {
            bad.push(with(row.clone(), "toolName", json!(null)));
            bad.push(with(row.clone(), "result", json!("unknown")));
        } else {
            bad.push(with(row.clone(), "module", json!(["todo"])));
            bad.extend(
                [json!(0), json!(0.9), json!(5.1), json!(6), json!("4"), json!(null)]
                    .map(|wrong| with(row.clone(), "rating", wrong)),
            );
        }
        for wrong in bad {
            check(&path, json!({kind: [row, wrong]}).to_string(), invalid.clone()).await;
        }
        let (field, fraction) = if kind == "actions" { ("latencyMs", 12.5) } else { ("rating", 3.5) };
        let fails = with(row.clone(), field, json!(fraction));
        check(&path, json!({kind: [row, fails]}).to_string(), internal.clone()).await;
    }
    assert_eq!(rows(&world, "persona_actions").await + rows(&world, "persona_feedback").await, 0);
    assert_eq!(last_active(&world).await, None, "a refused batch is no activity");
}

async fn the_largest_batches_are_taken(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let actions = json!({"actions": vec![action(); 500]}).to_string();
    let answer = world.runner(Method::POST, &format!("/{kai}/actions"), &actions).await;
    assert_eq!(answer.said(), (200, json!({"ok": true, "written": 500})));
    assert_eq!(rows(&world, "persona_actions").await, 500);
    let ratings: Vec<_> = (0..100).map(|n| with(rating(), "module", json!(format!("m{n}")))).collect();
    let answer = world
        .runner(Method::POST, &format!("/{kai}/feedback"), &json!({"feedback": ratings}).to_string())
        .await;
    assert_eq!(answer.said(), (200, json!({"ok": true, "written": 100})));
    assert_eq!(rows(&world, "persona_feedback").await, 100);
}

async fn a_repeat_adds_nothing_and_still_counts_as_activity(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let body = json!({"actions": [action(), with(action(), "toolName", json!("notes.create"))]}).to_string();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let answer = world.runner(Method::POST, &format!("/{kai}/actions"), &body).await;
        assert_eq!(answer.said(), (200, json!({"ok": true, "written": 2})), "written counts what was sent");
        assert_eq!(rows(&world, "persona_actions").await, 2);
        seen.push(last_active(&world).await.unwrap().at());
        world.clock.advance(TimeDelta::hours(3));
    }
    assert!(seen[1] - seen[0] >= TimeDelta::hours(3), "{seen:?}");
}

async fn a_tick_split_over_requests_loses_rows_with_the_same_index_and_tool(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let notes = with(action(), "toolName", json!("notes.create"));
    for (actions, kept) in [(json!([action()]), 1), (json!([action()]), 1), (json!([notes]), 2)] {
        let body = json!({"actions": actions}).to_string();
        assert_eq!(world.runner(Method::POST, &format!("/{kai}/actions"), &body).await.status, 200);
        assert_eq!(rows(&world, "persona_actions").await, kept);
    }
}

async fn the_first_rating_of_a_module_in_a_tick_wins(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let again = with(rating(), "rating", json!(1));
    let other_tick = with(with(rating(), "tickId", json!("t2")), "rating", json!(2));
    for feedback in [json!([rating(), again]), json!([again]), json!([other_tick])] {
        let sent = feedback.as_array().unwrap().len();
        let body = json!({"feedback": feedback}).to_string();
        let answer = world.runner(Method::POST, &format!("/{kai}/feedback"), &body).await;
        assert_eq!(answer.said(), (200, json!({"ok": true, "written": sent})));
    }
    let sql = "SELECT id, rating FROM auth.persona_feedback ORDER BY id";
    let kept = world.stack.database().rows(sql, &[]).await.unwrap();
    let kept: Vec<_> =
        kept.iter().map(|row| (row.text("id").unwrap(), row.integer("rating").unwrap())).collect();
    assert_eq!(kept, [("t-todo".to_owned(), 4), ("t2-todo".to_owned(), 2)]);
}

async fn feedback_is_no_activity(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let body = json!({"feedback": [rating()]}).to_string();
    assert_eq!(world.runner(Method::POST, &format!("/{kai}/feedback"), &body).await.status, 200);
    assert_eq!(last_active(&world).await, None);
}

async fn a_batch_that_fails_in_the_database_leaves_nothing(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let beyond = with(action(), "latencyMs", json!(3_000_000_000_u32));
    let body = json!({"actions": [action(), beyond]}).to_string();
    assert_eq!(world.runner(Method::POST, &format!("/{kai}/actions"), &body).await.status, 500);
    assert_eq!((rows(&world, "persona_actions").await, last_active(&world).await), (0, None));
}

async fn every_field_of_an_action_is_kept(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let full = json!({"tickId": "t", "toolName": "todo.create", "inputHash": "d2302c5434f71ce7",
                      "result": "error", "errorMessage": "kaputt ✗", "latencyMs": 12});
    let body = json!({"actions": [full, action()]}).to_string();
    world.runner(Method::POST, &format!("/{kai}/actions"), &body).await;
    let shown = world.admin(Method::GET, &format!("/{kai}"), "").await.body;
    let mut actions = shown["recentActions"].as_array().unwrap().clone();
    actions.sort_by_key(|action| action["id"].to_string());
    let at = shown["persona"]["lastActiveAt"].clone();
    assert_eq!(
        actions,
        [
            json!({"id": "t-0-todo.create", "personaId": kai, "tickId": "t", "toolName": "todo.create",
                   "inputHash": "d2302c5434f71ce7", "result": "error", "errorMessage": "kaputt ✗",
                   "latencyMs": 12, "createdAt": at}),
            json!({"id": "t-1-todo.create", "personaId": kai, "tickId": "t", "toolName": "todo.create",
                   "inputHash": null, "result": "ok", "errorMessage": null, "latencyMs": null,
                   "createdAt": at}),
        ]
    );
}

/// How many rows a table has.
async fn rows(world: &Neighbours, table: &str) -> usize {
    let sql = match table {
        "persona_actions" => "SELECT id FROM auth.persona_actions",
        _ => "SELECT id FROM auth.persona_feedback",
    };
    world.stack.database().rows(sql, &[]).await.unwrap().len()
}

/// When the only persona was last active.
async fn last_active(world: &Neighbours) -> Option<Moment> {
    let sql = "SELECT last_active_at FROM auth.personas";
    world.stack.database().row(sql, &[]).await.unwrap().unwrap().maybe_moment("last_active_at").unwrap()
}
