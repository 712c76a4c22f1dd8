//! The HTTP face, asked from outside over a real port.

mod browsed;
mod described;
mod driven;
mod events;
mod evidence;
mod filters;
mod guarded;
mod many;
mod pages;
mod pauses;
mod plugins;
mod standing;
mod turns;
mod watched;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use domain::code::Code;
use domain::event::Event;
use persona_host::http::{Face, Limits, Lock, listen, serve_within};
use persona_host::runner::{AskedBy, Reach, Runner};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use standin::claude::Script;
use standin::mana_auth;
use tokio_util::sync::DropGuard;

use crate::support::house::{House, email, next};
use crate::support::http::client;

/// A house that is served, loop and all, until this is dropped.
pub(crate) struct Served {
    pub(crate) house: House,
    pub(crate) base: String,
    _stop: DropGuard,
}

/// How the face differs from a development one with all keys.
#[derive(Default)]
struct Looks {
    production: bool,
    missing_keys: Vec<&'static str>,
    limits: Option<Limits>,
    has_no_token: bool,
}

impl Served {
    pub(crate) async fn of(house: House) -> Self {
        Self::with(house, Looks::default()).await
    }

    async fn with(house: House, looks: Looks) -> Self {
        let stop = house.runner.deps().stop.clone();
        let listener = listen(house.config.http.bind, house.config.http.port).await.unwrap();
        let address = listener.local_addr().unwrap();
        // Whoever listens everywhere is asked at loopback.
        let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
        let base = format!("http://{}", SocketAddr::new(ip, address.port()));
        let (remote, commands) = Runner::door();
        let Looks { production, missing_keys, limits, has_no_token } = looks;
        let tokens: &[SecretString] =
            if has_no_token { &[] } else { &["let me in".into(), "soon let me in".into()] };
        let views: &[SecretString] =
            if has_no_token { &[] } else { &["let me look".into(), "soon let me look".into()] };
        let (names, require_token) =
            (house.config.http.allowed_hosts.clone(), house.config.http.require_token);
        let face = Face {
            runner: Arc::clone(&house.runner),
            remote,
            production,
            missing_keys,
            lock: Arc::new(Lock::new(tokens, names).to_look(views).for_all(require_token)),
        };
        let limits = limits.unwrap_or_else(Limits::of_this_process);
        tokio::spawn(serve_within(listener, face, limits, stop.clone()));
        tokio::spawn(house.runner.clone().serve(commands, false));
        Self { house, base, _stop: stop.drop_guard() }
    }

    /// Status and body: JSON, or the text as a JSON string.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> (u16, Value) {
        let response = client().request(method, format!("{}{path}", self.base)).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The same program again, on the same folder, ledger and neighbours.
    async fn restarted(self) -> Self {
        let Self { house, _stop, .. } = self;
        let runner = Arc::clone(&house.runner);
        drop(_stop);
        // It says that it ends.
        let mut newest = runner.chronicle().newest();
        let told = async || runner.deps().ledger.newest_event().await.unwrap();
        let before = *newest.borrow_and_update();
        while told().await <= before && newest.changed().await.is_ok() {}
        drop(runner);
        Self::of(house.restart().await).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path).await
    }
}

pub(crate) async fn served(names: &[&str]) -> Served {
    let script = Script { calls_per_turn: Some(2), ..Script::default() };
    Served::with(House::scripted(names, script).await, Looks::default()).await
}

#[tokio::test]
async fn health_has_the_shape_of_the_runner_before_and_names_what_is_missing() {
    let healthy = json!({
        "status": "ok", "service": "mana-persona-runner", "paused": false, "tickIntervalMs": 60_000, "concurrency": 2,
    });
    let served = served(&[]).await;
    assert_eq!(served.get("/health").await, (200, healthy.clone()));
    served.house.runner.pause(None, Reach::NoNewTurn, AskedBy::Http, None).await.unwrap();
    let mut paused = healthy.clone();
    paused["paused"] = json!(true);
    let (status, mut told) = served.get("/health").await;
    let pause = told.as_object_mut().and_then(|told| told.remove("pause")).unwrap_or_default();
    assert_eq!((status, told), (200, paused));
    assert!(pause["since"].is_string() && pause["hint"].as_str().unwrap().contains("resume"), "{pause}");

    let looks = Looks { missing_keys: vec!["ANTHROPIC_API_KEY"], ..Looks::default() };
    let without_a_key = Served::with(House::of(&[]).await, looks).await;
    let mut named = healthy;
    named["loopOff"] = json!({"missing": ["ANTHROPIC_API_KEY"]});
    assert_eq!(without_a_key.get("/health").await, (200, named));
}

#[tokio::test]
async fn health_says_that_sign_ins_are_stopped_and_what_to_do() {
    let mut house = House::of(&["Anna", "Ben"]).await;
    house.config.mana.seed_secret = "another one".into();
    let served = Served::of(house.restart().await).await;
    served.ask(Method::POST, "/diag/tick").await;
    let (status, body) = served.get("/health").await;
    let said = body["signIns"].as_str().unwrap_or_else(|| panic!("{body}"));
    assert_eq!((status, &body["status"]), (200, &json!("degraded")));
    assert!(said.starts_with("sign-ins are stopped, because mana-auth refused the passwords of "), "{said}");
    assert!(said.contains(&email("Anna")) && said.contains("set the right one and start again"), "{said}");
}

#[tokio::test]
async fn readiness_tells_what_is_in_the_way_and_notes_what_somebody_wanted() {
    let served = served(&["Anna"]).await;
    assert_eq!(served.get("/health/live").await, (200, json!({"status": "ok"})));
    assert_eq!(served.get("/health/ready").await, (200, json!({"ready": true, "reasons": [], "notes": []})));
    served.house.runner.pause(None, Reach::NoNewTurn, AskedBy::Http, None).await.unwrap();
    let (status, paused) = served.get("/health/ready").await;
    assert_eq!((status, &paused["ready"], &paused["notes"][0]["what"]), (200, &json!(true), &json!("pause")));
    served.house.runner.resume(None).await.unwrap();
    served.house.stack.auth().set_faults(mana_auth::Faults { due_lists: 1, ..Default::default() });
    served.ask(Method::POST, "/diag/tick").await;
    let (status, failed) = served.get("/health/ready").await;
    assert_eq!((status, &failed["reasons"][0]["what"]), (503, &json!("tick")), "{failed}");
    let (_, health) = served.get("/health").await;
    assert_eq!(health["status"], "degraded", "{health}");
    assert!(health["lastTick"]["why"].as_str().unwrap().contains("listDuePersonas"), "{health}");
    served.ask(Method::POST, "/diag/tick").await;
    assert_eq!(served.get("/health/ready").await.0, 200, "the next one went well");

    let looks = Looks { missing_keys: vec!["ANTHROPIC_API_KEY"], ..Looks::default() };
    let without_a_key = Served::with(House::of(&[]).await, looks).await;
    let (status, without) = without_a_key.get("/health/ready").await;
    assert_eq!((status, &without["reasons"][0]["what"]), (503, &json!("keys")), "{without}");
}

#[tokio::test]
async fn metrics_are_in_the_older_format_for_who_does_not_ask_for_open_metrics() {
    let served = served(&["Anna"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let response = client().get(format!("{}/metrics", served.base)).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(text.contains("# TYPE persona_ticks_total counter\npersona_ticks_total 1\n"), "{text}");
    assert!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
}

#[tokio::test]
async fn metrics_are_open_metrics_and_count_what_happened() {
    let served = served(&["Anna", "Kai"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let metrics = client().get(format!("{}/metrics", served.base));
    let asked = metrics.header("accept", "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.1");
    let response = asked.send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = response.text().await.unwrap();
    for line in [
        "persona_turns_total{outcome=\"completed\"} 2",
        "persona_turns_in_flight 0",
        "persona_ticks_total 1",
        "persona_ticks_ended_total{outcome=\"completed\"} 1",
        "persona_ticks_ended_total{outcome=\"failed\"} 0",
        "persona_outbox_depth 0",
        "persona_deliveries_total{kind=\"actions\",outcome=\"ok\"} 2",
        "persona_deliveries_total{kind=\"feedback\",outcome=\"ok\"} 2",
        "persona_paused 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    let bytes = text.lines().find_map(|line| line.strip_prefix("persona_store_bytes ")).unwrap();
    assert!(bytes.parse::<u64>().unwrap() > 4096, "the ledger takes {bytes} bytes");
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains("mana.test"), "no label names a persona");

    served.house.stack.auth().set_faults(mana_auth::Faults { due_lists: 1, ..Default::default() });
    let mut events = served.house.runner.deps().events.listen();
    assert_eq!(served.ask(Method::POST, "/diag/tick").await.0, 500);
    let told = next(&mut events, |event| match event {
        Event::TickFailed { code, why, .. } => Some((*code, why.clone())),
        _ => None,
    });
    let (code, why) = told.await;
    assert!(Code::of(code).is_some() && why.contains("listDuePersonas"), "{code}: {why}");
    let (_, text) = served.get("/metrics").await;
    let begun_and_failed = "persona_ticks_total 2\n";
    assert!(text.as_str().unwrap().contains(begun_and_failed), "{text}");
    for (outcome, ticks) in [("completed", 1), ("failed", 1)] {
        let line = format!("persona_ticks_ended_total{{outcome=\"{outcome}\"}} {ticks}\n");
        assert!(text.as_str().unwrap().contains(&line), "{line} in {text}");
    }
}

#[tokio::test]
async fn a_login_is_tried_and_told_in_the_words_of_the_contract() {
    let served = served(&["Anna"]).await;
    let (status, body) = served.get(&format!("/diag/login?email={}", email("Anna"))).await;
    assert_eq!((status, &body["ok"], &body["email"]), (200, &json!(true), &json!(email("Anna"))));
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["ok", "email", "userId", "spaceId"]);
    assert!(body["userId"].as_str().is_some_and(|id| !id.is_empty()), "{body}");
    assert!(body["spaceId"].as_str().is_some_and(|id| !id.is_empty()), "{body}");

    for path in ["/diag/login", "/diag/login?email="] {
        assert_eq!(served.get(path).await, (400, json!({"error": "email query required"})), "{path}");
    }
    let (status, body) = served.get("/diag/login?email=nobody@mana.test").await;
    assert_eq!((status, &body["ok"]), (500, &json!(false)));
    let error = body["error"].as_str().unwrap();
    assert!(error.starts_with("Persona login failed for nobody@mana.test: HTTP 401 — {"), "{error}");
}

#[tokio::test]
async fn a_tick_is_answered_at_its_end_in_the_shape_of_the_contract() {
    let served = served(&["Anna", "Ben"]).await;
    let shape = |body: &Value| {
        let keys: Vec<&str> = body["result"].as_object().unwrap().keys().map(String::as_str).collect();
        keys.join(" ")
    };
    let (status, body) = served.ask(Method::POST, "/diag/tick").await;
    assert_eq!((status, &body["ok"]), (200, &json!(true)));
    assert_eq!(shape(&body), "due ranSuccessfully failed durationMs");
    assert_eq!((&body["result"]["due"], &body["result"]["ranSuccessfully"]), (&json!(2), &json!(2)));
    assert_eq!(body["result"]["failed"], json!([]));
    assert!(body["result"]["durationMs"].is_u64());

    served.house.later(chrono::TimeDelta::days(1));
    // Their sessions are kept, and end with the rows that mana-auth has of them.
    served.house.stack.database().execute("DELETE FROM auth.sessions", &[]).await.unwrap();
    served.house.stack.auth().set_faults(mana_auth::Faults { sign_ins: u32::MAX, ..Default::default() });
    let (status, body) = served.ask(Method::POST, "/diag/tick").await;
    assert_eq!((status, &body["ok"], &body["result"]["due"]), (200, &json!(true), &json!(2)), "{body}");
    let failed = body["result"]["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 2, "a persona's failure is none of the tick's: {body}");
    let error = failed[0]["error"].as_str().unwrap();
    assert!(error.starts_with("Persona login failed for persona."), "{error}");

    let (_, body) = served.ask(Method::POST, "/diag/tick").await;
    assert_eq!(shape(&body), "due ranSuccessfully failed held durationMs");
    assert_eq!(body["result"]["held"].as_array().unwrap().len(), 2);

    served.house.stack.auth().set_faults(mana_auth::Faults { due_lists: 1, ..Default::default() });
    let (status, body) = served.ask(Method::POST, "/diag/tick").await;
    assert_eq!((status, &body["ok"]), (500, &json!(false)), "{body}");
    assert!(body["error"].as_str().unwrap().starts_with("listDuePersonas failed: HTTP 503 — "), "{body}");

    served.house.runner.pause(None, Reach::NoNewTurn, AskedBy::Http, None).await.unwrap();
    let (status, body) = served.ask(Method::POST, "/diag/tick").await;
    let mut result = body["result"].clone();
    let paused = result.as_object_mut().and_then(|result| result.remove("paused")).unwrap_or_default();
    let nothing = json!({"due": 0, "ranSuccessfully": 0, "failed": [], "durationMs": 0});
    assert_eq!((status, &body["ok"], result), (200, &json!(true), nothing));
    assert!(paused["why"].as_str().unwrap().starts_with("all personas are paused since "), "{paused}");
    assert_eq!(paused["hint"], "`persona-host resume` goes on");
}

#[tokio::test]
async fn a_tick_without_a_key_is_refused_and_asks_nobody() {
    for (missing, error) in [
        ("MANA_SERVICE_KEY", "MANA_SERVICE_KEY not set — cannot call internal endpoints"),
        ("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY not set — Claude would fail"),
    ] {
        let looks = Looks { missing_keys: vec![missing], ..Looks::default() };
        let served = Served::with(House::of(&["Anna"]).await, looks).await;
        assert_eq!(served.ask(Method::POST, "/diag/tick").await, (500, json!({"error": error})));
        assert!(served.house.turns("Anna").await.is_empty());
        let login = served.get(&format!("/diag/login?email={}", email("Anna"))).await;
        assert_eq!(login.0, 200, "signing in needs neither");
    }
}

#[tokio::test]
async fn production_has_no_diagnostics() {
    let looks = Looks { production: true, ..Looks::default() };
    let served = Served::with(House::of(&["Anna"]).await, looks).await;
    let disabled = (404, json!({"error": "diagnostics disabled in production"}));
    assert_eq!(served.get(&format!("/diag/login?email={}", email("Anna"))).await, disabled);
    assert_eq!(served.get("/diag/login").await, disabled);
    assert_eq!(served.ask(Method::POST, "/diag/tick").await, disabled);
    assert_eq!(served.get("/health").await.0, 200);
}

#[tokio::test]
async fn what_the_api_does_not_serve_is_told_in_its_own_shape() {
    let served = served(&[]).await;
    for path in ["/api/", "/api/pauses", "/api/turns/"] {
        let (status, body) = served.get(path).await;
        let error = &body["error"];
        assert_eq!((status, &error["code"]), (404, &json!("no-such-route")), "{path}: {body}");
        assert_eq!(error["message"], format!("there is no route {path}"));
        assert!(error["hint"].is_string(), "{path}: {body}");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/api/turns", "GET,HEAD"),
        (Method::PUT, "/api/pause", "GET,HEAD,POST"),
        (Method::GET, "/api/resume", "POST"),
        (Method::GET, "/api/plugins/daily/reload", "POST"),
    ] {
        let response =
            client().request(method.clone(), format!("{}{path}", served.base)).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 405, "{method} {path}");
        let mut allowed: Vec<&str> = response.headers()["allow"].to_str().unwrap().split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{method} {path}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "wrong-method");
        assert_eq!(body["error"]["message"], format!("{path} is not asked with {method}"));
    }
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_a_404_in_plain_text() {
    let served = served(&[]).await;
    for path in ["/nothing", "/diag", "/apis", "/health/"] {
        assert_eq!(served.get(path).await, (404, json!("404 Not Found")), "{path}");
    }
    for (method, path) in
        [(Method::GET, "/diag/tick"), (Method::POST, "/health"), (Method::DELETE, "/metrics")]
    {
        assert_eq!(served.ask(method.clone(), path).await, (404, json!("404 Not Found")), "{method} {path}");
    }
}
