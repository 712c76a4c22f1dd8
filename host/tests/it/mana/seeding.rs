//! The admin endpoint, as `seed` uses it.

use persona_host::mana::admin::Admin;
use persona_host::mana::catalog::{Catalog, Entry};
use serde_json::json;

use super::double::{Double, says};
use crate::support::http::client;

/// Maya of the example catalog.
fn maya() -> Entry {
    let catalog = Catalog::parse(include_str!("../../../../examples/personas.json")).expect("a good catalog");
    catalog.personas.into_iter().next_back().expect("it has ten")
}

#[tokio::test]
async fn a_persona_is_created_with_the_fields_of_the_contract_on_either_generation_of_the_api() {
    for path in ["/api/v1/admin/personas", "/api/v1/personas/admin"] {
        let route = format!("POST {path}");
        let created = json!({"ok": true, "userId": "u-maya", "email": "persona.maya@mana.test"});
        let double = Double::start([(route.as_str(), vec![says(200, created)])]).await;
        let admin = Admin::new(client(), format!("{}{path}", double.url()), "admin.j.wt".into());
        let maya = maya();
        let id = admin.create(&maya, &"password-of-maya".into()).await.expect("created");
        assert_eq!(id.as_str(), "u-maya");
        let [came] = &double.came()[..] else { panic!("one request") };
        assert_eq!(came.header("authorization"), Some("Bearer admin.j.wt"));
        assert_eq!(
            came.json(),
            json!({"email": "persona.maya@mana.test", "name": "Maya", "password": "password-of-maya",
                   "archetype": "overwhelmed-newbie", "systemPrompt": maya.system_prompt,
                   "moduleMix": {"todo": 0.6, "journal": 0.4}, "tickCadence": "daily"}),
        );
    }
}

#[tokio::test]
async fn a_refusal_says_in_words_what_to_do() {
    for (status, body, text, code, stops) in [
        (
            401,
            r#"{"statusCode":401,"message":"Invalid or expired token"}"#,
            "HTTP 401 — Invalid or expired token",
            "admin-token-refused",
            true,
        ),
        (
            403,
            r#"{"error":"Forbidden","message":"Admin access required"}"#,
            "HTTP 403 — Forbidden: Admin access required",
            "not-an-admin",
            true,
        ),
        (
            400,
            r#"{"error":"ValidationError","details":["password ≥ 8 chars required"]}"#,
            "HTTP 400 — password ≥ 8 chars required",
            "create-failed",
            false,
        ),
        (404, "404 Not Found", "HTTP 404 — 404 Not Found", "wrong-path", true),
    ] {
        let double = Double::start([("POST /admin", vec![says(status, body)])]).await;
        let admin = Admin::new(client(), format!("{}/admin", double.url()), "admin.j.wt".into());
        let error = admin.create(&maya(), &"password-of-maya".into()).await.expect_err("refused");
        assert_eq!(error.to_string(), format!("Creating persona.maya@mana.test failed: {text}"));
        assert_eq!((error.code(), error.stops_seeding()), (code, stops));
        assert!(!error.hint().is_empty());
    }
}
