//! Contract 4.1: who is due, in which order, on which days.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use super::on_both_databases;
use crate::neighbours::{Neighbours, email};

on_both_databases! {
    an_entry_has_the_documented_fields
    who_never_was_active_comes_first_then_the_longest_inactive
    weekdays_personas_rest_on_saturday_and_sunday
    a_persona_is_due_again_after_its_pause
    a_deleted_user_is_not_due
    the_service_key_is_wanted_exactly
    both_generations_of_paths_answer
    a_fault_is_met_as_often_as_it_was_set
}

async fn an_entry_has_the_documented_fields(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let answer = world.runner(Method::GET, "/due", "").await;
    let time = answer.body["serverTime"].as_str().unwrap();
    assert!(time.starts_with("2026-11-20T12:00:") && time.len() == 24 && time.ends_with('Z'), "{time}");
    assert_eq!(
        answer.body["personas"],
        json!([{"userId": kai, "email": email("kai"), "archetype": "solo-dev",
                "systemPrompt": "Du baust allein an einer App.",
                "moduleMix": {"mood": 0.2, "todo": 0.5, "journal": 0.3},
                "tickCadence": "daily", "lastActiveAt": null}])
    );
    let mix: Vec<_> = answer.body["personas"][0]["moduleMix"].as_object().unwrap().keys().collect();
    assert_eq!(mix, ["mood", "todo", "journal"], "by length, then by bytes");
}

async fn who_never_was_active_comes_first_then_the_longest_inactive(world: Neighbours) {
    for name in ["anna", "ben", "kai", "lena"] {
        let id = world.persona(name, "hourly").await;
        if name != "kai" {
            act(&world, &id).await;
        }
        world.clock.advance(TimeDelta::minutes(30));
    }
    // Lena was active half an hour ago: not due. Ben an hour and a half, Anna two hours, Kai never.
    let expected = [("kai", true), ("anna", false), ("ben", false)];
    assert_eq!(due(&world).await, expected.map(|(name, _)| email(name)));
    let answer = world.runner(Method::GET, "/due", "").await;
    let never: Vec<_> =
        answer.body["personas"].as_array().unwrap().iter().map(|p| p["lastActiveAt"].is_null()).collect();
    assert_eq!(never, expected.map(|(_, never)| never));
}

async fn weekdays_personas_rest_on_saturday_and_sunday(world: Neighbours) {
    for (name, cadence) in [("anna", "daily"), ("lena", "weekdays"), ("bot", "hourly")] {
        world.persona(name, cadence).await;
    }
    for (weekday, lena_is_due) in [
        ("Fri", true),
        ("Sat", false),
        ("Sun", false),
        ("Mon", true),
        ("Tue", true),
        ("Wed", true),
        ("Thu", true),
    ] {
        assert_eq!(world.clock.now().format("%a").to_string(), weekday);
        let due = due(&world).await;
        assert_eq!(due.contains(&email("lena")), lena_is_due, "{weekday}");
        assert!(due.contains(&email("anna")) && due.contains(&email("bot")), "{weekday}");
        world.clock.advance(TimeDelta::days(1));
    }
}

async fn a_persona_is_due_again_after_its_pause(world: Neighbours) {
    let hourly = world.persona("hourly", "hourly").await;
    let daily = world.persona("daily", "daily").await;
    act(&world, &hourly).await;
    act(&world, &daily).await;
    for (minutes, expected) in
        [(0, vec![]), (58, vec![]), (2, vec!["hourly"]), (22 * 60 + 58, vec!["hourly"])]
    {
        world.clock.advance(TimeDelta::minutes(minutes));
        let expected: Vec<_> = expected.into_iter().map(email).collect();
        assert_eq!(due(&world).await, expected, "{minutes} more minutes");
    }
    world.clock.advance(TimeDelta::minutes(2));
    assert_eq!(due(&world).await, [email("hourly"), email("daily")]);
}

async fn a_deleted_user_is_not_due(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    world.persona("ben", "daily").await;
    let sql = "UPDATE auth.users SET deleted_at = created_at WHERE id = $1";
    world.stack.database().execute(sql, &[kai.as_str().into()]).await.unwrap();
    assert_eq!(due(&world).await, [email("ben")]);
}

async fn the_service_key_is_wanted_exactly(world: Neighbours) {
    let message = json!({"statusCode": 401, "message": "Invalid or missing service key"});
    for headers in [vec![], vec![("x-service-key", "dev-service-keY")], vec![("x-service-key", "")]] {
        for (method, path) in [
            (Method::GET, "/api/v1/internal/personas/due"),
            (Method::POST, "/api/v1/internal/personas/u/actions"),
            (Method::POST, "/api/v1/personas/internal/u/feedback"),
        ] {
            let answer = world.auth(method, path, &headers, "").await;
            assert_eq!(answer.said(), (401, message.clone()), "{path} {headers:?}");
        }
    }
}

async fn both_generations_of_paths_answer(world: Neighbours) {
    world.persona("kai", "daily").await;
    let headers = [("x-service-key", world.stack.service_key()), ("x-app-id", "persona-host")];
    for path in ["/api/v1/internal/personas/due", "/api/v1/personas/internal/due"] {
        let answer = world.auth(Method::GET, path, &headers, "").await;
        assert_eq!(answer.body["personas"].as_array().unwrap().len(), 1, "{path}");
    }
    let bearer = format!("Bearer {}", world.stack.admin_jwt());
    for path in ["/api/v1/admin/personas", "/api/v1/personas/admin"] {
        let answer = world.auth(Method::GET, path, &[("authorization", bearer.as_str())], "").await;
        assert_eq!(answer.body["personas"].as_array().unwrap().len(), 1, "{path}");
    }
}

async fn a_fault_is_met_as_often_as_it_was_set(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    let faults =
        standin::mana_auth::Faults { sign_ins: 1, due_lists: 2, deliveries: 1, lost_answers: 1, sessions: 0 };
    world.stack.auth().set_faults(faults);
    for expected in [503, 503, 200] {
        assert_eq!(world.runner(Method::GET, "/due", "").await.status, expected);
    }
    for expected in [503, 200] {
        assert_eq!(world.login(&email("kai"), "kai-password").await.status, expected);
    }
    let body = json!({"actions": [{"tickId": "t", "toolName": "todo.create", "result": "ok"}]}).to_string();
    for (expected, kept) in [(503, 0), (502, 1), (200, 1)] {
        let answer = world.runner(Method::POST, &format!("/{kai}/actions"), &body).await;
        assert_eq!(answer.status, expected);
        let rows = world.stack.database().rows("SELECT id FROM auth.persona_actions", &[]).await.unwrap();
        assert_eq!(rows.len(), kept, "a lost answer is kept all the same");
    }
}

/// The addresses of who is due.
async fn due(world: &Neighbours) -> Vec<String> {
    let answer = world.runner(Method::GET, "/due", "").await;
    let personas = answer.body["personas"].as_array().unwrap();
    personas.iter().map(|persona| persona["email"].as_str().unwrap().to_owned()).collect()
}

/// Delivers one action.
async fn act(world: &Neighbours, id: &str) {
    let body = json!({"actions": [{"tickId": "t", "toolName": "todo.create", "result": "ok"}]}).to_string();
    assert_eq!(world.runner(Method::POST, &format!("/{id}/actions"), &body).await.status, 200);
}
