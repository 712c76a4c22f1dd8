//! The HTTP face, asked from outside over a real port.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::StrategyName;
use persona_host::config::Watching;
use persona_host::http::{Face, listen, serve};
use persona_host::runner::Runner;
use persona_host::store::Recorded;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use standin::claude::Script;
use standin::{mana_auth, mana_mcp};
use tokio_util::sync::DropGuard;

use crate::support::builds::{good, misfit};
use crate::support::house::{Blueprint, House, email, eventually, figures, script, silent, within_reason};
use crate::support::http::client;

/// A house that is served, loop and all, until this is dropped.
pub(crate) struct Served {
    pub(crate) house: House,
    base: String,
    _stop: DropGuard,
}

/// A house with the plugin `own`, served.
async fn served_own() -> Served {
    let house = Blueprint::of(&["Anna"]).script(script(1, &[])).own_plugin(good(1));
    // Nothing is loaded that nobody asks for.
    let house = house.config(|config| config.plugins.watch = Watching::Off).build().await;
    Served::with(house, Looks::default()).await
}

/// How the face differs from a development one with all keys.
#[derive(Default)]
struct Looks {
    production: bool,
    missing_keys: Vec<&'static str>,
}

impl Served {
    pub(crate) async fn of(house: House) -> Self {
        Self::with(house, Looks::default()).await
    }

    async fn with(house: House, looks: Looks) -> Self {
        let stop = house.runner.deps().stop.clone();
        let listener = listen(house.config.http.bind, house.config.http.port).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (remote, commands) = Runner::door();
        let Looks { production, missing_keys } = looks;
        let face = Face {
            runner: Arc::clone(&house.runner),
            remote,
            production,
            missing_keys,
            admin_token: "let me in".into(),
        };
        tokio::spawn(serve(listener, face, stop.clone()));
        tokio::spawn(house.runner.clone().serve(commands, false));
        Self { house, base, _stop: stop.drop_guard() }
    }

    /// Status and body: JSON, or the text as a JSON string.
    async fn ask(&self, method: Method, path: &str) -> (u16, Value) {
        let response = client().request(method, format!("{}{path}", self.base)).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path).await
    }
}

async fn served(names: &[&str]) -> Served {
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
    served.house.runner.pause(true);
    let mut paused = healthy.clone();
    paused["paused"] = json!(true);
    assert_eq!(served.get("/health").await, (200, paused));

    let looks = Looks { missing_keys: vec!["ANTHROPIC_API_KEY"], ..Looks::default() };
    let without_a_key = Served::with(House::of(&[]).await, looks).await;
    let mut named = healthy;
    named["loopOff"] = json!({"missing": ["ANTHROPIC_API_KEY"]});
    assert_eq!(without_a_key.get("/health").await, (200, named));
}

#[tokio::test]
async fn metrics_are_open_metrics_and_count_what_happened() {
    let served = served(&["Anna", "Kai"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let response = client().get(format!("{}/metrics", served.base)).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = response.text().await.unwrap();
    for line in [
        "persona_turns_total{outcome=\"completed\"} 2",
        "persona_turns_in_flight 0",
        "persona_ticks_total 1",
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

    served.house.runner.pause(true);
    let (status, body) = served.ask(Method::POST, "/diag/tick").await;
    let nothing = json!({"due": 0, "ranSuccessfully": 0, "failed": [], "durationMs": 0});
    assert_eq!((status, body), (200, json!({"ok": true, "result": nothing})));
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
async fn a_path_that_does_not_exist_is_a_404_in_plain_text() {
    let served = served(&[]).await;
    for path in ["/", "/diag", "/api", "/health/"] {
        assert_eq!(served.get(path).await, (404, json!("404 Not Found")), "{path}");
    }
    for (method, path) in
        [(Method::GET, "/diag/tick"), (Method::POST, "/health"), (Method::DELETE, "/api/turns")]
    {
        assert_eq!(served.ask(method.clone(), path).await, (404, json!("404 Not Found")), "{method} {path}");
    }
}

#[tokio::test]
async fn only_this_machine_is_answered_by_whatever_name_it_was_asked() {
    let served = served(&[]).await;
    for (header, value, expected) in [
        ("host", "localhost:3070", StatusCode::OK),
        ("host", "127.0.0.1", StatusCode::OK),
        ("host", "evil.example", StatusCode::FORBIDDEN),
        ("host", "evil.example:3070", StatusCode::FORBIDDEN),
        ("origin", "http://localhost:3070", StatusCode::OK),
        ("origin", "https://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
    ] {
        let request = client().get(format!("{}/health", served.base)).header(header, value);
        assert_eq!(request.send().await.unwrap().status(), expected, "{header}: {value}");
    }
}

#[tokio::test]
async fn turns_are_listed_newest_first_and_filtered() {
    let served = served(&["Anna", "Ben"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    served.house.later(chrono::TimeDelta::days(1));
    served.ask(Method::POST, "/diag/tick").await;
    let anna = email("Anna");
    for (query, expected) in [
        (String::new(), 4),
        (format!("?persona={anna}"), 2),
        ("?state=completed".to_owned(), 4),
        ("?state=faulted".to_owned(), 0),
        (format!("?persona={anna}&state=completed&limit=1"), 1),
        ("?limit=3".to_owned(), 3),
    ] {
        let (status, body) = served.get(&format!("/api/turns{query}")).await;
        let turns = body["turns"].as_array().unwrap();
        assert_eq!((status, turns.len()), (200, expected), "{query}: {body}");
        let started: Vec<&str> = turns.iter().map(|turn| turn["startedAt"].as_str().unwrap()).collect();
        assert!(started.is_sorted_by(|newer, older| newer >= older), "{started:?}");
    }
    let (_, body) = served.get(&format!("/api/turns?persona={anna}&limit=1")).await;
    let turn = &body["turns"][0];
    assert_eq!(
        (&turn["persona"], &turn["state"], &turn["strategy"]),
        (&json!(anna), &json!("completed"), &json!("daily"))
    );
    assert_eq!(
        (&turn["actions"], &turn["modelCalls"], &turn["undelivered"]),
        (&json!(2), &json!(4), &json!(0))
    );
    assert!(turn["costUsd"].as_f64().is_some_and(|cost| cost > 0.0), "{turn}");
}

#[tokio::test]
async fn who_plays_is_held_or_is_parked_is_told_with_why_until_when_and_what_to_do() {
    let house = Blueprint::of(&["Anna", "Ben", "Sofia", "Tom"])
        .interested("Sofia", "journal")
        .script(script(1, &[]))
        .build()
        .await;
    let runner = house.runner.clone();
    let tick = async move |name| runner.tick(Some(&email(name)), Duration::ZERO).await.unwrap();
    assert_eq!(figures(&tick("Tom").await), (1, 1, 0, 0), "of him there is nothing to say");
    house.stack.mcp().set_faults(mana_mcp::Faults { refuses_initialize: true, ..Default::default() });
    for name in ["Anna", "Anna", "Anna", "Anna", "Anna", "Ben"] {
        house.later(chrono::TimeDelta::hours(1));
        assert_eq!(figures(&tick(name).await), (1, 0, 1, 0), "{name}");
    }
    house.stack.mcp().set_faults(silent("journal.add"));
    let slow = tokio::spawn(async move { tick("Sofia").await });
    let served = Served::with(house, Looks::default()).await;
    eventually(async || {
        let calls = |turn: &Recorded| turn.steps.iter().any(|step| step.key == "main/01/000");
        served.house.turns("Sofia").await.first().is_some_and(calls)
    })
    .await;

    let (_, body) = served.get("/api/personas").await;
    let of = |name: &str| {
        let mut all = body["personas"].as_array().unwrap().iter();
        let persona = all.find(|own| own["persona"] == email(name)).unwrap_or_else(|| panic!("{body}"));
        let [now] = &persona["now"].as_array().unwrap()[..] else { panic!("{body}") };
        now.clone()
    };
    let word =
        |now: &Value, key: &str| now[key].as_str().unwrap_or_else(|| panic!("{key}: {now}")).to_owned();
    let time = |now: &Value, key: &str| word(now, key).parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let clock = served.house.clock.now();
    let parked = of("Anna");
    assert_eq!((&parked["is"], time(&parked, "since") < clock), (&json!("parked"), true), "{parked}");
    assert!(word(&parked, "why").contains("failed: HTTP 503"), "{parked}");
    let resume = format!("`persona-host turns resume {}` lets it go on", word(&parked, "turn"));
    assert_eq!(parked["hint"], resume);
    let held = of("Ben");
    assert_eq!((&held["is"], &held["attempts"]), (&json!("held"), &json!(1)), "{held}");
    assert!(time(&held, "until") > clock && word(&held, "why").contains("failed: HTTP 503"), "{held}");
    let release = format!("`persona-host personas release {}` lifts the hold", email("Ben"));
    assert!(word(&held, "hint").ends_with(&release), "{held}");
    let running = of("Sofia");
    assert_eq!((&running["is"], running.get("hint")), (&json!("running"), None), "{running}");
    assert!(time(&running, "since") <= clock, "{running}");

    served.house.stack.mcp().close_sessions().await;
    within_reason(slow).await.unwrap();
}

#[tokio::test]
async fn one_turn_is_shown_by_the_beginning_of_its_id() {
    let served = served(&["Anna"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let id = served.house.turn("Anna").await.summary.id;
    for asked in [&id, &id[..8]] {
        let (status, body) = served.get(&format!("/api/turns/{asked}")).await;
        assert_eq!((status, &body["id"]), (200, &json!(id)));
        let keys: Vec<&str> =
            body["steps"].as_array().unwrap().iter().map(|step| step["key"].as_str().unwrap()).collect();
        assert_eq!((keys[0], keys[1]), ("main/opening", "main/01"), "{keys:?}");
        assert_eq!(keys[keys.len() - 2..], ["rating/opening", "rating/01"], "{keys:?}");
        assert_eq!(body["actionList"].as_array().unwrap().len(), 2);
        assert_eq!((&body["settings"], &body["waiting"]), (&json!({}), &json!([])));
    }
    for unknown in ["ffffffff-0000", "nonsense", "%25"] {
        let (status, body) = served.get(&format!("/api/turns/{unknown}")).await;
        assert_eq!(status, 404, "{unknown}: {body}");
        assert!(body["error"].as_str().unwrap().starts_with("there is no turn "), "{body}");
    }
}

#[tokio::test]
async fn the_beginning_of_two_ids_is_ambiguous() {
    let names = ["Anna", "Ben", "Marcus", "Lena", "Sofia", "Tom", "Kai", "Julia", "Paul", "Maya"];
    let script = Script { never_use_tools: true, ..Script::default() };
    let served = Served::with(House::scripted(&names, script).await, Looks::default()).await;
    // Twenty turns and sixteen hexadecimal digits: two of them begin alike.
    for _ in 0..2 {
        served.ask(Method::POST, "/diag/tick").await;
        served.house.later(chrono::TimeDelta::days(1));
    }
    let (_, body) = served.get("/api/turns").await;
    let mut first: Vec<char> = body["turns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| turn["id"].as_str().unwrap().chars().next().unwrap())
        .collect();
    assert_eq!(first.len(), 20);
    first.sort_unstable();
    let twice = first.windows(2).find(|pair| pair[0] == pair[1]).unwrap()[0];
    let (status, body) = served.get(&format!("/api/turns/{twice}")).await;
    assert_eq!(status, 400);
    let words = format!("{twice} is the beginning of more than one turn's id: give more of it");
    assert_eq!(body, json!({"error": words}));
}

#[tokio::test]
async fn strategies_are_shown_with_what_serves_them_and_who_gets_them() {
    let house = Blueprint::of(&[])
        .config(|config| {
            config.routing.archetypes.insert("ceo-busy".to_owned(), StrategyName::new("brief"));
        })
        .build()
        .await;
    let served = Served::with(house, Looks::default()).await;
    let (status, body) = served.get("/api/strategies").await;
    assert_eq!(status, 200);
    let strategies = body["strategies"].as_array().unwrap();
    let names: Vec<&str> = strategies.iter().map(|strategy| strategy["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["brief", "daily"]);
    for strategy in strategies {
        assert_eq!(strategy["plugin"], strategy["name"]);
        assert_eq!(strategy["model"], "claude-haiku-5-5");
        let generation = &strategy["generation"];
        assert_eq!((&generation["number"], &generation["origin"]), (&json!(1), &json!("built in")));
        assert_eq!(generation["contract"], "0.1.0");
        assert_eq!(generation["sha256"].as_str().unwrap().len(), 64);
    }
    assert_eq!(
        body["routing"],
        json!({"default": "daily", "archetypes": {"ceo-busy": "brief"}, "personas": {}})
    );
}

#[tokio::test]
async fn plugins_are_shown_with_their_builds_and_what_their_calls_came_to() {
    let served = served_own().await;
    served.ask(Method::POST, "/diag/tick").await;
    served.house.reload(b"not a component").await;
    let (status, body) = served.get("/api/plugins").await;
    assert_eq!((status, &body["contract"]), (200, &"0.1.x".into()));
    assert!(body["dir"].as_str().unwrap().starts_with('/'), "{body}");
    let own = body["plugins"].as_array().unwrap().iter().find(|plugin| plugin["name"] == "own").unwrap();
    assert_eq!((&own["serving"], &own["strategies"]), (&1.into(), &json!(["own"])));
    let [refused, serving] = &own["generations"].as_array().unwrap()[..] else { panic!("{own}") };
    assert_eq!((&refused["state"], &refused["stage"]), (&"refused".into(), &"contract".into()));
    assert!(refused["why"].as_str().unwrap().contains("not a component") && refused["hint"].is_string());
    assert_eq!((&serving["state"], &serving["version"]), (&"serving".into(), &"0.1.0".into()));
    assert_eq!((&serving["calls"], &serving["traps"]), (&3.into(), &0.into()));
    for figure in ["p50Us", "p95Us", "fuel", "memoryPeak", "codeBytes"] {
        assert!(serving[figure].as_u64().unwrap() > 0, "{figure} in {serving}");
    }
}

#[tokio::test]
async fn a_reload_and_a_rollback_are_answered_when_they_are_over() {
    let served = served_own().await;
    let post = async |what: &str| served.ask(Method::POST, &format!("/api/plugins/{what}")).await;
    served.house.save(&good(2));
    let (status, body) = post("own/reload").await;
    assert_eq!((status, &body["result"], &body["generation"]), (200, &"live".into(), &2.into()), "{body}");
    assert_eq!(post("own/reload").await.1["result"], "unchanged");
    let (status, body) = post("own/rollback").await;
    assert_eq!((status, &body["generation"]), (200, &3.into()), "{body}");
    assert_eq!(body["plugin"]["generations"][0]["occasion"], "rollback");

    served.house.save(&misfit("panic-in-describe"));
    let (status, body) = post("own/reload").await;
    assert_eq!(status, 422, "{body}");
    assert!(body["error"].as_str().unwrap().contains("still serving 0.1.0, generation 3"), "{body}");
    let (status, body) = post("ghost/reload").await;
    assert_eq!(
        (status, body["error"].as_str().unwrap()),
        (404, "no strategy uses a plugin \"ghost\" (there are: brief, daily, own)")
    );
    served.house.reload(&good(3)).await;
    for _ in 0..2 {
        post("own/rollback").await;
    }
    assert_eq!(post("own/rollback").await.0, 409, "there is nothing further back");
}

#[tokio::test]
async fn what_a_plugin_logs_can_be_read() {
    let house = Blueprint::of(&["Anna"]).own_plugin(misfit("flood-log")).build().await;
    let served = Served::with(house, Looks::default()).await;
    served.ask(Method::POST, "/diag/tick").await;
    let (status, body) = served.get("/api/plugins/own/logs").await;
    let lines = body["lines"].as_array().unwrap();
    assert_eq!((status, lines.len()), (200, 200));
    let line = &lines[198];
    assert_eq!(
        (&line["message"], &line["level"], &line["generation"]),
        (&"line 99999".into(), &"info".into(), &1.into())
    );
    assert_eq!((&line["strategy"], &line["function"]), (&"own".into(), &"compose-turn".into()));
    assert_eq!(served.get("/api/plugins/ghost/logs").await.0, 404);
}

/// The stand-in for another machine is a proxy on this one, which says for whom it asks.
#[tokio::test]
async fn only_this_machine_and_the_admin_may_change_a_plugin() {
    let served = served_own().await;
    served.house.save(&good(2));
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = client().post(format!("{}/api/plugins/own/reload", served.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let elsewhere = ("x-forwarded-for", "10.0.0.7");
    for headers in [
        vec![elsewhere],
        vec![("forwarded", "for=10.0.0.7")],
        vec![elsewhere, ("authorization", "Bearer let me out")],
        vec![elsewhere, ("authorization", "let me in")],
        vec![("origin", "https://example.com")],
    ] {
        assert_eq!(ask(&headers).await, 403, "{headers:?}");
    }
    assert_eq!(served.house.own().serving.unwrap().0, 1, "nothing has changed");
    assert_eq!(ask(&[elsewhere, ("authorization", "Bearer let me in")]).await, 200);
    assert_eq!(served.house.own().serving.unwrap().0, 2);
    assert_eq!(served.get("/api/plugins").await.0, 200, "looking is free");
}
