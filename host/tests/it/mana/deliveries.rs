//! The persona endpoints: who is due, and what is delivered.

use domain::delivery::{ActionRow, Delivery, FeedbackRow, Rows};
use domain::ids::{PersonaId, Slot, TurnId};
use domain::persona::Cadence;
use persona_host::mana::{SignInForm, UnreadableEntry};
use serde_json::{Value, json};

use super::double::{Double, says};
use super::mana;

const DUE: &str = "GET /api/v1/internal/personas/due";

fn kai() -> Value {
    json!({"userId": "u-kai", "email": "persona.kai@mana.test", "archetype": "solo-dev",
           "systemPrompt": "Du bist Kai.", "moduleMix": {"goals": 0.2, "notes": 0.3, "library": 0.2, "articles": 0.3},
           "tickCadence": "daily", "lastActiveAt": "2026-05-03T07:59:59.123Z", "later": "fields are welcome"})
}

fn kai_with(field: &str, value: Value) -> Value {
    let mut kai = kai();
    kai[field] = value;
    kai
}

#[tokio::test]
async fn the_due_list_is_read_with_its_modules_in_order() {
    let never = kai_with("lastActiveAt", Value::Null);
    let answer = json!({"personas": [never, kai()], "serverTime": "2026-05-04T08:00:00.000Z"});
    let double = Double::start([(DUE, vec![says(200, answer)])]).await;
    let due = mana(&double.url(), SignInForm::Auto).due().await.expect("the list");
    assert_eq!(due.server_time.to_rfc3339(), "2026-05-04T08:00:00+00:00");
    assert_eq!((due.personas.len(), due.unreadable.len()), (2, 0));
    assert_eq!(due.personas[0].slot(), Slot::after(None));
    let kai = &due.personas[1];
    assert_eq!(
        (kai.id.as_str(), kai.email.as_str(), kai.cadence),
        ("u-kai", "persona.kai@mana.test", Cadence::Daily)
    );
    assert_eq!(kai.slot().as_str(), "after 2026-05-03T07:59:59.123Z");
    let mix: Vec<_> = kai.module_mix.iter().map(|part| (part.module.as_str(), part.weight)).collect();
    assert_eq!(mix, [("goals", 0.2), ("notes", 0.3), ("library", 0.2), ("articles", 0.3)]);
    assert_eq!(double.came()[0].header("x-service-key"), Some("the-service-key"));
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stops_nobody_else() {
    for (entry, who, reason) in [
        (kai_with("tickCadence", json!("weekly")), "persona.kai@mana.test", "unknown variant `weekly`"),
        (
            kai_with("moduleMix", json!({"todo": "much"})),
            "persona.kai@mana.test",
            "moduleMix.todo: \"much\" is not a number",
        ),
        (
            kai_with("moduleMix", json!({"todo": -1})),
            "persona.kai@mana.test",
            "moduleMix.todo: -1 is not a number",
        ),
        (json!({"email": "x@mana.test"}), "x@mana.test", "missing field `userId`"),
        (json!(7), "personas[0]", "invalid type"),
    ] {
        let answer = json!({"personas": [entry, kai()], "serverTime": "2026-05-04T08:00:00.000Z"});
        let double = Double::start([(DUE, vec![says(200, answer)])]).await;
        let due = mana(&double.url(), SignInForm::Auto).due().await.expect("the list");
        assert_eq!(due.personas.len(), 1);
        let [UnreadableEntry { who: whose, reason: why }] = &due.unreadable[..] else {
            panic!("{:?}", due.unreadable)
        };
        assert_eq!(whose, who);
        assert!(why.starts_with(reason), "{why}");
    }
}

#[tokio::test]
async fn a_wrong_service_key_stops_the_tick() {
    let body = r#"{"statusCode":401,"message":"Invalid or missing service key"}"#;
    let double = Double::start([(DUE, vec![says(401, body)])]).await;
    let error = mana(&double.url(), SignInForm::Auto).due().await.expect_err("refused");
    assert_eq!(error.to_string(), format!("listDuePersonas failed: HTTP 401 — {body}"));
    assert_eq!((error.code(), error.stops_tick()), ("service-key-refused", true));
    assert!(error.hint().contains("MANA_SERVICE_KEY"));
}

/// While the key is exchanged, mana-auth takes the old one until it is started anew, and then the new one.
#[tokio::test]
async fn the_key_that_is_to_come_is_sent_where_the_first_is_refused_and_kept_to() {
    let refused = || says(401, r#"{"statusCode":401,"message":"Invalid or missing service key"}"#);
    let nobody = || says(200, json!({"personas": [], "serverTime": "2026-05-04T08:00:00.000Z"}));
    let answers = vec![nobody(), refused(), nobody(), nobody(), refused(), refused(), refused(), nobody()];
    let double = Double::start([(DUE, answers)]).await;
    let mana = mana(&double.url(), SignInForm::Auto).exchanging("the-next-key".into());
    for is_taken in [true, true, true, false, true] {
        assert_eq!(mana.due().await.is_ok(), is_taken);
    }
    let (first, next) = (Some("the-service-key"), Some("the-next-key"));
    let came = double.came();
    let keys: Vec<_> = came.iter().map(|came| came.header("x-service-key")).collect();
    assert_eq!(keys, [first, first, next, next, next, first, next, first]);
    assert!(!format!("{mana:?}").contains("key-"), "no key has a Debug of its content");
}

fn turn() -> TurnId {
    TurnId::of(&PersonaId::new("u-kai"), &Slot::after(None))
}

fn actions(persona: &str) -> Delivery {
    let row = ActionRow {
        tick_id: turn(),
        tool_name: "todo.create".to_owned(),
        input_hash: Some("d2302c5434f71ce7".to_owned()),
        result: "error".to_owned(),
        error_message: Some("voll".to_owned()),
        latency_ms: Some(12),
    };
    Delivery { persona: PersonaId::new(persona), rows: Rows::Actions(vec![row]) }
}

fn feedback() -> Delivery {
    let row = FeedbackRow { tick_id: turn(), module: "todo".to_owned(), rating: 4, notes: None };
    Delivery { persona: PersonaId::new("u-kai"), rows: Rows::Feedback(vec![row]) }
}

#[tokio::test]
async fn a_delivery_has_the_path_the_key_and_the_body_of_the_contract() {
    let ok = || vec![says(200, json!({"ok": true, "written": 1}))];
    let tick = turn().to_string();
    for (delivery, what, body) in [
        (
            actions("u-kai"),
            "POST /api/v1/internal/personas/u-kai/actions",
            json!({"actions": [{"tickId": tick, "toolName": "todo.create", "inputHash": "d2302c5434f71ce7",
                                "result": "error", "errorMessage": "voll", "latencyMs": 12}]}),
        ),
        (
            feedback(),
            "POST /api/v1/internal/personas/u-kai/feedback",
            json!({"feedback": [{"tickId": tick, "module": "todo", "rating": 4}]}),
        ),
        (
            actions("odd/../id"),
            "POST /api/v1/internal/personas/odd%2F..%2Fid/actions",
            json!({"actions": [{"tickId": tick, "toolName": "todo.create", "inputHash": "d2302c5434f71ce7",
                                "result": "error", "errorMessage": "voll", "latencyMs": 12}]}),
        ),
    ] {
        let double = Double::start([(what, ok())]).await;
        mana(&double.url(), SignInForm::Auto).deliver(&delivery).await.expect("accepted");
        let [came] = &double.came()[..] else { panic!("one request") };
        assert_eq!((came.what.as_str(), came.json()), (what, body));
        assert_eq!(came.header("x-service-key"), Some("the-service-key"));
        assert_eq!(came.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_refused_delivery_says_whether_it_is_worth_repeating() {
    for (status, body, code, repeated) in [
        (404, r#"{"error":"Persona not found"}"#, "persona-gone", false),
        (404, "404 Not Found", "wrong-path", true),
        (400, r#"{"error":"Invalid JSON"}"#, "delivery-refused", false),
        (
            401,
            r#"{"statusCode":401,"message":"Invalid or missing service key"}"#,
            "service-key-refused",
            true,
        ),
        (500, r#"{"statusCode":500,"message":"Internal server error"}"#, "delivery-refused", true),
        (200, "<html>welcome to this network</html>", "mana-unreadable", true),
        (200, r#"{"ok":false}"#, "mana-unreadable", true),
    ] {
        for (delivery, name) in [(actions("u-kai"), "postActions"), (feedback(), "postFeedback")] {
            let route = format!("POST /api/v1/internal/personas/u-kai/{}", delivery.rows.kind());
            let double = Double::start([(route.as_str(), vec![says(status, body)])]).await;
            let error = mana(&double.url(), SignInForm::Auto).deliver(&delivery).await.expect_err("refused");
            assert_eq!((error.code(), error.is_worth_repeating()), (code, repeated), "{error}");
            if status != 200 {
                assert_eq!(error.to_string(), format!("{name} failed: HTTP {status} — {body}"));
            }
        }
    }
}
