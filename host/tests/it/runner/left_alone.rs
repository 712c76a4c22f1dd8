//! A Claude that works and is not to be asked for now: by a family of models that asked too much, or by a model that the
//! key has not. The process knows that, the ledger does not, and nobody is held for it.

use std::time::Duration;

use chrono::TimeDelta;
use domain::event::Event;
use domain::ids::StrategyName;
use domain::strategy::Strategy;
use persona_host::runner::HeldBy;
use persona_host::store::TurnFilter;
use reqwest::Method;
use serde_json::json;
use standin::claude::Fault;

use crate::http::Served;
use crate::support::house::{Blueprint, House, eventually, figures, held, next, script};

/// Claude wants to be left alone for an hour.
fn an_hour() -> Fault {
    Fault::RateLimit { retry_after: Some(Duration::from_secs(3600)) }
}

async fn crowd(faults: &[Fault], concurrency: usize) -> House {
    Blueprint::crowd(3)
        .script(script(2, faults))
        .config(move |config| config.runner.concurrency = concurrency)
        .build()
        .await
}

fn requests(house: &House) -> u64 {
    house.stack.claude().books().total.requests
}

#[tokio::test]
async fn a_long_wait_that_claude_asks_for_holds_nobody_in_the_ledger_and_lets_nobody_begin() {
    let house = crowd(&[an_hour()], 1).await;
    let mut events = house.runner.deps().events.listen();
    let report = house.tick().await;
    assert_eq!(figures(&report), (3, 0, 0, 3), "nobody failed: {report:?}");
    assert!(report.held.iter().all(|held| held.cause == HeldBy::Upstream), "{report:?}");
    let (_, why) = held(&report)[1];
    assert!(
        why.starts_with("nothing is asked of the models of the family ") && why.contains("HTTP 429"),
        "{why}"
    );
    assert_eq!((requests(&house), house.turns("anna1").await.len()), (1, 0), "and nobody else was begun");

    // Who met it: an attempt that counts as little as a stop.
    let turn = house.turn("anna0").await.summary;
    let told = (turn.state.as_str(), turn.outcome.as_str(), turn.fault_code.as_deref());
    assert_eq!(told, ("stopped", "stopped", Some("claude-rate-limit")));
    assert!(turn.held_until <= turn.ended_at, "{turn:?}");
    let ever = TurnFilter { ever_faulted: true, ..TurnFilter::default() };
    assert!(house.ledger().list(&ever).await.unwrap().is_empty(), "it was no fault");
    let ended = next(&mut events, |event| match event {
        Event::TurnEnded { outcome, .. } => Some(outcome.name()),
        _ => None,
    });
    assert_eq!(ended.await, "stopped");
    let metrics = house.runner.deps().events.metrics().text();
    assert!(metrics.contains("persona_turns_total{outcome=\"stopped\"} 1\n"), "{metrics}");
    assert!(metrics.contains("persona_turn_stops_total{stage=\"tool-loop\",code=\"claude-rate-limit\"} 1\n"));
    assert!(!metrics.contains("persona_turn_faults_total{"), "{metrics}");

    house.later(TimeDelta::minutes(5));
    assert_eq!(figures(&house.tick().await), (3, 0, 0, 3));
    assert_eq!((requests(&house), house.turn("anna0").await.summary.attempt), (1, 1));

    // Another process knows nothing of it, and asks.
    let house = house.restart().await;
    assert_eq!(figures(&house.tick().await), (3, 3, 0, 0));
}

#[tokio::test]
async fn who_is_under_way_when_claude_asks_for_a_long_wait_stops_at_a_step_and_goes_on_after_it() {
    let house = crowd(&[an_hour()], 3).await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (3, 0, 0, 3), "{report:?}");
    for name in ["anna0", "anna1", "anna2"] {
        let turn = house.turn(name).await.summary;
        let code = turn.fault_code.as_deref().unwrap_or_default();
        assert!(["claude-rate-limit", "claude-away"].contains(&code), "{name}: {code}");
        assert_eq!((turn.state.as_str(), turn.parked_at), ("stopped", None), "{name}");
    }
    let house = house.restart().await;
    assert_eq!(figures(&house.tick().await), (3, 3, 0, 0));
}

#[tokio::test]
async fn health_says_until_when_which_models_are_left_alone_and_why() {
    let served = Served::of(crowd(&[an_hour()], 1).await).await;
    served.ask(Method::POST, "/diag/tick").await;
    let (_, body) = served.get("/health").await;
    let family = body["models"].as_object().and_then(|models| models.values().next());
    let family = family.unwrap_or_else(|| panic!("{body}"));
    assert_eq!((&body["status"], &family["state"]), (&json!("degraded"), &json!("cooling-down")), "{body}");
    assert!(family["why"].as_str().is_some_and(|why| why.contains("HTTP 429")), "{body}");
    let until: chrono::DateTime<chrono::Utc> = family["until"].as_str().unwrap().parse().unwrap();
    let left = until - served.house.clock.now();
    assert!(left > TimeDelta::minutes(59) && left < TimeDelta::minutes(76), "{body}");
}

/// Two are under a strategy whose model there is not.
#[tokio::test]
async fn a_model_that_there_is_not_keeps_back_who_would_ask_it_and_nobody_else() {
    let house = Blueprint::crowd(4)
        .script(script(1, &[]))
        .config(|config| {
            config.runner.concurrency = 1;
            let daily = config.strategies[0].clone();
            let other = StrategyName::new("other");
            let model = Some("no-such-model".to_owned());
            config.strategies.push(Strategy { name: other.clone(), model, ..daily });
            for number in [0, 1] {
                let email = format!("persona.anna{number}@mana.test");
                config.routing.personas.insert(email, other.clone());
            }
        })
        .build()
        .await;
    let served = Served::of(house).await;
    let house = &served.house;
    let report = house.tick().await;
    assert_eq!(figures(&report), (4, 2, 0, 2), "{report:?}");
    assert_eq!(report.stopped_by, None, "others go on");
    let turn = house.turn("anna0").await.summary;
    assert_eq!((turn.state.as_str(), turn.fault_code.as_deref()), ("stopped", Some("claude-not-found")));
    assert!(house.turns("anna1").await.is_empty(), "who would meet the same does not sign in for it");
    let (_, body) = served.get("/health").await;
    let told = &body["models"]["no-such-model"];
    assert_eq!((&body["status"], &told["state"]), (&json!("degraded"), &json!("refused")), "{body}");
    assert!(told["why"].as_str().is_some_and(|why| why.contains("HTTP 404")), "{body}");

    let asked = requests(house);
    assert_eq!(figures(&house.tick().await), (2, 0, 0, 2), "both are kept back");
    assert_eq!((requests(house), house.turn("anna0").await.summary.attempt), (asked, 1));
    house.later(TimeDelta::seconds(31));
    let report = house.tick().await;
    assert_eq!(figures(&report), (2, 0, 0, 2), "{report:?}");
    assert_eq!(requests(house), asked + 1, "one tries whether it is there by now");
}

#[tokio::test]
async fn the_loop_goes_on_by_itself_when_an_upstream_may_be_asked_again() {
    let lively = crowd(&[Fault::KeyRefused], 1).await.lively(true).await;
    let house = &lively.house;
    // The start looks for turns that go on, and two do not look at once.
    eventually(async || house.runner.tick(None, Duration::ZERO).await.is_ok()).await;
    assert_eq!(house.turn("anna0").await.summary.state, "stopped");
    // The breaker's time comes in a moment. The loop looks at the clock again, because somebody resumes.
    house.later(TimeDelta::seconds(29));
    house.runner.resume(None).await.unwrap();
    eventually(async || house.turn("anna0").await.summary.state == "completed").await;
}
