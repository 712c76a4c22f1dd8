//! Pausing over HTTP: whom, by what is sent, and how it is told.

use persona_host::store::Recorded;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Served, served};
use crate::support::house::email;
use crate::support::http::client;

impl Served {
    /// Status and body of the answer to a request with a body of this type.
    async fn send(&self, path: &str, kind: &str, body: &str) -> (u16, Value) {
        let request = client().post(format!("{}{path}", self.base)).header("content-type", kind);
        let response = request.body(body.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Who is paused: everybody, and each alone.
    async fn paused(&self) -> (bool, Vec<String>) {
        let (_, body) = self.get("/api/pause").await;
        let alone = body["personas"].as_array().unwrap_or_else(|| panic!("{body}"));
        let alone = alone.iter().map(|own| own["persona"].as_str().unwrap().to_owned()).collect();
        (!body["everybody"].is_null(), alone)
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody who wanted to pause one persona must never have paused all of them.
#[tokio::test]
async fn a_body_names_whom_it_names_and_what_is_not_understood_changes_nothing() {
    let served = served(&["Anna", "Ben"]).await;
    let anna = email("Anna");
    let (of_anna, nobody) = ((false, vec![anna.clone()]), (false, Vec::new()));
    for (path, kind, body, status, paused) in [
        ("/api/pause", JSON, format!(r#"{{"persona": "{anna}"}}"#), 200, &of_anna),
        ("/api/resume", JSON, format!(r#"{{"persona": "{anna}"}}"#), 200, &nobody),
        ("/api/pause", FORM, format!("persona={anna}"), 200, &of_anna),
        ("/api/resume", FORM, format!(r#"{{"persona": "{anna}"}}"#), 200, &nobody),
        ("/api/pause", JSON, r#"{"email": "a@b"}"#.to_owned(), 400, &nobody),
        ("/api/pause", JSON, r#"{"persona": null}"#.to_owned(), 400, &nobody),
        ("/api/pause", JSON, r#"{"persona": ""}"#.to_owned(), 400, &nobody),
        ("/api/pause", JSON, r#"{"persona": " "}"#.to_owned(), 404, &nobody),
        ("/api/pause", JSON, r#"{"persona": " ", "anyway": true}"#.to_owned(), 404, &nobody),
        ("/api/pause", JSON, r#"{"persona": "persona.anna", "now": "soon"}"#.to_owned(), 400, &nobody),
        ("/api/pause", JSON, "[]".to_owned(), 400, &nobody),
        ("/api/pause", "text/xml", "<persona/>".to_owned(), 415, &nobody),
        ("/api/pause?now=true", JSON, format!(r#"{{"persona": "{anna}"}}"#), 400, &nobody),
        ("/diag/tick", JSON, format!(r#"{{"persona": "{anna}"}}"#), 400, &nobody),
        ("/diag/tick?persona=a", JSON, String::new(), 400, &nobody),
        ("/api/plugins/daily/reload", JSON, r#"{"now": true}"#.to_owned(), 400, &nobody),
        ("/api/personas/x/release", FORM, "persona=a".to_owned(), 400, &nobody),
        ("/api/turns/ffffffff/resume", JSON, "{".to_owned(), 400, &nobody),
        ("/api/turns/ffffffff/resume", JSON, "{}".to_owned(), 404, &nobody),
        ("/api/pause", JSON, " ".to_owned(), 200, &(true, Vec::new())),
    ] {
        let (found, answer) = served.send(path, kind, &body).await;
        assert_eq!(found, status, "{path} {body}: {answer}");
        let error = if path.starts_with("/diag") { &answer["error"] } else { &answer["error"]["message"] };
        assert!(status == 200 || error.is_string(), "{path} {body}: {answer}");
        assert_eq!(&served.paused().await, paused, "{path} {body}: {answer}");
    }
    assert!(served.house.turns("Anna").await.is_empty() && served.house.turns("Ben").await.is_empty());
}

#[tokio::test]
async fn an_address_that_means_nobody_is_refused_with_who_may_have_been_meant() {
    let served = served(&["Anna", "Ben"]).await;
    let pause = async |query: &str| served.ask(Method::POST, &format!("/api/pause?{query}")).await;
    let (status, body) = pause("persona=persona.ana@mana.test").await;
    let error = body["error"]["message"].as_str().unwrap();
    assert_eq!((status, &body["error"]["code"]), (404, &json!("no-such-persona")), "{body}");
    assert!(error.contains("nothing was changed; did you mean persona.anna@mana.test"), "{error}");
    assert!(body["error"]["hint"].as_str().unwrap().contains("anyway"), "{body}");
    let (status, body) = pause("persona=persona.").await;
    assert_eq!(status, 409, "the beginning of two: {body}");
    // She has never had a turn: mana-auth says that she is due.
    let (status, body) = pause("persona=PERSONA.AN&reason=her+birthday").await;
    assert_eq!((status, &body["persona"]), (200, &json!(email("Anna"))), "{body}");
    let (status, body) = pause("persona=Persona.New@mana.test&anyway=true").await;
    assert_eq!((status, &body["persona"]), (200, &json!("persona.new@mana.test")), "{body}");

    let (_, body) = served.get("/api/pause").await;
    let told = &body["personas"][0];
    assert_eq!(
        (&body["paused"], &told["by"], &told["reason"]),
        (&json!(false), &json!("http"), &json!("her birthday"))
    );
    assert!(
        told["since"].as_str().is_some_and(|since| since.len() == "2026-11-29T12:00:00.000Z".len()),
        "{body}"
    );

    let (status, body) = served.ask(Method::POST, "/api/resume?persona=persona.new").await;
    assert_eq!((status, &body["wasPaused"]), (200, &json!(true)), "who is paused is known: {body}");
    let (status, body) = served.ask(Method::POST, &format!("/api/resume?persona={}", email("Ben"))).await;
    assert_eq!((status, &body["wasPaused"]), (200, &json!(false)), "{body}");
    assert_eq!(served.ask(Method::POST, "/api/resume?persona=zoe").await.0, 404);
}

#[tokio::test]
async fn whoever_looks_while_somebody_is_paused_is_told_so_since_when_and_what_ends_it() {
    let served = served(&["Anna"]).await;
    let anna = email("Anna");
    served
        .house
        .stack
        .mcp()
        .set_faults(standin::mana_mcp::Faults { refuses_initialize: true, ..Default::default() });
    served.ask(Method::POST, "/diag/tick").await;
    served.ask(Method::POST, &format!("/api/pause?persona={anna}&reason=lunch")).await;
    let (_, body) = served.get("/api/personas").await;
    let own = &body["personas"][0];
    assert_eq!((&own["state"], &own["now"][0]["state"]), (&json!("paused"), &json!("paused")), "{body}");
    assert!(own["paused"].as_str().unwrap().ends_with("(lunch)") && own["pausedSince"].is_string(), "{body}");
    assert!(own["hint"].as_str().unwrap().contains("resume --persona"), "{body}");
    let (_, body) = served.get("/api/turns?state=paused").await;
    let turn = &body["turns"][0];
    assert_eq!((&turn["state"], &turn["outcome"]), (&json!("paused"), &json!("faulted")), "{body}");
    let Recorded { summary, .. } = served.house.turn("Anna").await;
    assert!(summary.paused_since.is_some(), "{summary:?}");
    served.ask(Method::POST, &format!("/api/resume?persona={anna}")).await;
    let (_, body) = served.get("/api/turns?state=held").await;
    assert_eq!(body["turns"][0]["state"], "held", "{body}");
}
