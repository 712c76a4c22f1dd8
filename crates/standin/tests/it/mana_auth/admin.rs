//! Contract 5: the administrators' endpoints.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use standin::mana_auth::NewUser;

use super::on_both_databases;
use crate::neighbours::{Neighbours, email, new_persona, password};

on_both_databases! {
    only_an_administrator_passes
    each_refusal_of_a_new_persona
    a_second_seed_changes_the_description_but_not_the_password
    a_human_with_the_address_becomes_a_persona
    the_list_is_newest_first_and_counts_a_week_of_actions
    one_persona_is_shown_with_its_actions_and_feedback
    deleting_leaves_the_space_behind
}

async fn only_an_administrator_passes(world: Neighbours) {
    world.persona("kai", "daily").await;
    let (user, admin) = (world.jwt("kai").await, world.stack.admin_jwt());
    let elsewhere = Neighbours::in_memory().await.stack.admin_jwt();
    let missing = json!({"statusCode": 401, "message": "Missing or invalid Authorization header"});
    let invalid = json!({"statusCode": 401, "message": "Invalid or expired token"});
    let forbidden = json!({"error": "Forbidden", "message": "Admin access required"});
    let check = async |authorization: Option<String>, expected: (u16, Option<&Value>)| {
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        for (method, path) in
            [(Method::GET, ""), (Method::POST, ""), (Method::GET, "/u"), (Method::DELETE, "/u")]
        {
            let path = format!("/api/v1/admin/personas{path}");
            let answer = world.auth(method.clone(), &path, &headers, "").await;
            match expected {
                (status, Some(body)) => assert_eq!(answer.said(), (status, body.clone()), "{method} {path}"),
                (_, None) => assert_ne!(answer.status, 401, "{method} {path}"),
            }
        }
    };
    check(None, (401, Some(&missing))).await;
    check(Some(format!("Basic {admin}")), (401, Some(&missing))).await;
    check(Some("Bearer x".to_owned()), (401, Some(&invalid))).await;
    check(Some(format!("Bearer {elsewhere}")), (401, Some(&invalid))).await;
    check(Some(format!("Bearer {user}")), (403, Some(&forbidden))).await;
    check(Some(format!("Bearer {admin}")), (200, None)).await;
    world.clock.advance(TimeDelta::days(30));
    check(Some(format!("Bearer {admin}")), (401, Some(&invalid))).await;
}

async fn each_refusal_of_a_new_persona(world: Neighbours) {
    let with = |field: &str, value: Value| {
        let mut body = new_persona("kai", "daily");
        body[field] = value;
        body
    };
    let invalid = |details: &[&str]| (400, json!({"error": "ValidationError", "details": details}));
    let failed = |message: &str| (500, json!({"error": "Sign-up failed", "message": message}));
    for (body, expected) in [
        (with("email", json!("")), invalid(&["email required"])),
        (with("password", json!("kurz123")), invalid(&["password ≥ 8 chars required"])),
        (with("archetype", json!(7)), invalid(&["archetype required"])),
        (with("systemPrompt", json!(null)), invalid(&["systemPrompt required"])),
        (with("moduleMix", json!("todo")), invalid(&["moduleMix object required"])),
        (
            with("tickCadence", json!("yearly")),
            invalid(&["tickCadence must be one of daily, weekdays, hourly"]),
        ),
        (
            json!({"tickCadence": 7}),
            invalid(&[
                "email required",
                "password ≥ 8 chars required",
                "archetype required",
                "systemPrompt required",
                "moduleMix object required",
                "tickCadence must be one of daily, weekdays, hourly",
            ]),
        ),
        (with("email", json!("kein Klammeraffe")), failed("Invalid email")),
        (with("password", json!("x".repeat(129))), failed("Password too long")),
    ] {
        let answer = world.admin(Method::POST, "", &body.to_string()).await;
        assert_eq!(answer.said(), expected, "{body}");
    }
    let answer = world.admin(Method::POST, "", "{").await;
    assert_eq!(answer.said(), (400, json!({"error": "Invalid JSON body"})));
    assert_eq!(world.admin(Method::GET, "", "").await.body, json!({"personas": []}));
}

async fn a_second_seed_changes_the_description_but_not_the_password(world: Neighbours) {
    let mut body = new_persona("kai", "daily");
    body.as_object_mut().unwrap().remove("name");
    body.as_object_mut().unwrap().remove("tickCadence");
    let first = world.admin(Method::POST, "", &body.to_string()).await;
    let id = first.body["userId"].as_str().unwrap().to_owned();
    assert_eq!(first.said(), (200, json!({"ok": true, "userId": id, "email": email("kai")})));
    let shown = world.admin(Method::GET, &format!("/{id}"), "").await.body["persona"].clone();
    assert_eq!((&shown["name"], &shown["tickCadence"]), (&json!("persona.kai"), &json!("daily")));

    let mut again = new_persona("kai", "hourly");
    again["password"] = json!("ein-anderes");
    again["archetype"] = json!("freelancer");
    let second = world.admin(Method::POST, "", &again.to_string()).await;
    assert_eq!(second.said(), first.said());
    let shown = world.admin(Method::GET, &format!("/{id}"), "").await.body["persona"].clone();
    assert_eq!((&shown["archetype"], &shown["tickCadence"]), (&json!("freelancer"), &json!("hourly")));
    assert_eq!(world.login(&email("kai"), &password("kai")).await.status, 200);
    assert_eq!(world.login(&email("kai"), "ein-anderes").await.status, 401);
}

async fn a_human_with_the_address_becomes_a_persona(world: Neighbours) {
    let address = email("kai");
    let human = NewUser { email: &address, name: "Kai", password: "menschlich" };
    let id = world.stack.auth().sign_up(human).await.unwrap();
    assert_eq!(world.persona("kai", "daily").await, id);
    let user = world.login(&address, "menschlich").await.body["user"].clone();
    assert_eq!(
        (&user["kind"], &user["accessTier"], &user["emailVerified"]),
        (&json!("persona"), &json!("founder"), &json!(true))
    );
}

async fn the_list_is_newest_first_and_counts_a_week_of_actions(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    world.clock.advance(TimeDelta::minutes(1));
    let ben = world.persona("ben", "daily").await;
    for tick in ["t1", "t2"] {
        let body = json!({"actions": [{"tickId": tick, "toolName": "todo.list", "result": "ok"}]});
        world.runner(Method::POST, &format!("/{kai}/actions"), &body.to_string()).await;
        world.clock.advance(TimeDelta::days(5));
    }
    let list = world.admin(Method::GET, "", "").await.body["personas"].clone();
    let fields: Vec<_> = list[1].as_object().unwrap().keys().collect();
    let expected =
        ["userId", "email", "name", "archetype", "tickCadence", "lastActiveAt", "createdAt", "actions7d"];
    assert_eq!(fields, expected);
    assert_eq!(
        (&list[0]["userId"], &list[0]["actions7d"], &list[0]["lastActiveAt"]),
        (&json!(ben), &json!(0), &json!(null))
    );
    assert_eq!((&list[1]["userId"], &list[1]["actions7d"]), (&json!(kai), &json!(1)));
}

async fn one_persona_is_shown_with_its_actions_and_feedback(world: Neighbours) {
    let kai = world.persona("kai", "daily").await;
    for tick in 0..21 {
        let body =
            json!({"actions": [{"tickId": format!("t{tick}"), "toolName": "todo.list", "result": "ok"}]});
        world.runner(Method::POST, &format!("/{kai}/actions"), &body.to_string()).await;
        world.clock.advance(TimeDelta::minutes(1));
    }
    for (tick, module) in [("t1", "todo"), ("t1", "notes"), ("t2", "todo")] {
        let body = json!({"feedback": [{"tickId": tick, "module": module, "rating": 5}]});
        world.runner(Method::POST, &format!("/{kai}/feedback"), &body.to_string()).await;
    }
    let shown = world.admin(Method::GET, &format!("/{kai}"), "").await.body;
    assert_eq!(shown["persona"]["moduleMix"], json!({"mood": 0.2, "todo": 0.5, "journal": 0.3}));
    let ticks: Vec<_> =
        shown["recentActions"].as_array().unwrap().iter().map(|action| action["tickId"].clone()).collect();
    let newest: Vec<_> = (1..21).rev().map(|tick| json!(format!("t{tick}"))).collect();
    assert_eq!(ticks, newest, "twenty, newest first");
    let counts = json!([{"module": "notes", "avgRating": 1}, {"module": "todo", "avgRating": 2}]);
    assert_eq!(shown["feedbackByModule"], counts, "avgRating is a count, as in the original");
    let unknown = world.admin(Method::GET, "/niemand", "").await;
    assert_eq!(unknown.said(), (404, json!({"error": "Not found"})));
}

async fn deleting_leaves_the_space_behind(world: Neighbours) {
    let human = NewUser { email: "mensch@mana.test", name: "Mensch", password: "ein-passwort" };
    let human = world.stack.auth().sign_up(human).await.unwrap();
    let refused = json!({"error": "Refusing to delete non-persona user via this endpoint",
                         "hint": "Use /api/v1/admin/users/:id/data instead"});
    let kai = world.persona("kai", "daily").await;
    let path = format!("/{kai}/actions");
    let body = json!({"actions": [{"tickId": "t", "toolName": "todo.list", "result": "ok"}]}).to_string();
    world.runner(Method::POST, &path, &body).await;
    for (id, expected) in [
        (human.as_str(), (400, refused)),
        ("niemand", (404, json!({"error": "Not found"}))),
        (&kai, (200, json!({"ok": true, "deleted": kai}))),
        (&kai, (404, json!({"error": "Not found"}))),
    ] {
        assert_eq!(world.admin(Method::DELETE, &format!("/{id}"), "").await.said(), expected, "{id}");
    }
    assert_eq!(world.runner(Method::POST, &path, &body).await.status, 404);
    assert_eq!(world.login(&email("kai"), &password("kai")).await.status, 401);

    let again = world.persona("kai", "daily").await;
    assert_ne!(again, kai);
    let sql = "SELECT o.slug FROM auth.organizations o JOIN auth.members m ON m.organization_id = o.id
               WHERE m.user_id = $1";
    let row = world.stack.database().row(sql, &[again.into()]).await.unwrap().unwrap();
    assert_eq!(row.text("slug").unwrap(), "persona-kai-2");
}
