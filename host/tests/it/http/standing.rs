//! `/api/status`, and that whoever is kept back is in a list, whatever keeps it back.

use chrono::TimeDelta;
use domain::usage::NanoUsd;
use reqwest::Method;
use serde_json::{Value, json};
use standin::claude::Fault;

use super::Served;
use crate::support::house::{Blueprint, House, email, script};

fn of<'a>(list: &'a Value, name: &str, value: &str) -> &'a Value {
    let all = list.as_array().unwrap();
    all.iter().find(|own| own[name] == value).unwrap_or_else(|| panic!("{name} {value} in {list}"))
}

#[tokio::test]
async fn all_that_one_screen_tells_is_one_answer() {
    let served = Served::of(House::of(&["Anna", "Ben"]).await).await;
    served.ask(Method::POST, "/diag/tick").await;
    let (status, told) = served.get("/api/status").await;
    assert_eq!((status, &told["running"], &told["loop"]), (200, &json!(true), &json!("on")), "{told}");
    assert_eq!((&told["lastTick"]["due"], &told["lastTick"]["completed"]), (&json!(2), &json!(2)), "{told}");
    assert_eq!(
        (&told["inTheWay"], &told["underWay"], &told["outbox"]["waiting"]),
        (&json!([]), &json!([]), &json!(0))
    );
    assert!(told["today"]["costUsd"].as_f64().is_some_and(|cost| cost > 0.0), "{told}");
    assert!(of(&told["plugins"], "name", "daily")["serving"].is_u64(), "{told}");
    assert_eq!(served.get("/api/status?all=true").await.0, 400, "it has no filters");
}

/// Neither a program that asks whether all is well nor a person who looks takes that for a day on which all is well.
#[tokio::test]
async fn when_everybody_fails_that_is_told_as_long_as_they_are_held_for_it() {
    let refused = || Fault::Error { status: 400, kind: "invalid_request_error" };
    let house = Blueprint::of(&["Anna", "Ben"]).script(script(1, &[refused(), refused()]));
    let served = Served::of(house.build().await).await;
    for _ in 0..2 {
        served.ask(Method::POST, "/diag/tick").await;
        let (_, health) = served.get("/health").await;
        let why = "all 2 who were due at the last tick failed, or are held for a fault";
        assert_eq!(
            (&health["status"], &health["turns"]["why"]),
            (&json!("degraded"), &json!(why)),
            "{health}"
        );
        let (status, ready) = served.get("/health/ready").await;
        assert_eq!((status, &of(&ready["notes"], "what", "turns")["why"]), (200, &json!(why)), "{ready}");
        let page = served.get("/").await.1;
        assert!(
            page.as_str().is_some_and(|page| page.contains(why) && page.contains("--ever-faulted")),
            "{page}"
        );
    }
    served.house.later(TimeDelta::days(1));
    served.ask(Method::POST, "/diag/tick").await;
    assert_eq!(served.get("/health").await.1["status"], "ok", "they have played");
}

#[tokio::test]
async fn who_is_held_for_the_budget_is_in_the_list_of_who_is_kept_back() {
    let house = Blueprint::of(&["Anna", "Ben"]).config(|config| config.budget.day = Some(NanoUsd(1)));
    let served = Served::of(house.build().await).await;
    served.ask(Method::POST, "/diag/tick").await;
    served.ask(Method::POST, "/diag/tick").await;
    let (_, told) = served.get("/api/personas").await;
    let held: Vec<(&Value, &Value)> = (told["personas"].as_array().unwrap().iter())
        .filter(|own| own["heldBy"] == "budget")
        .map(|own| (&own["persona"], &own["why"]))
        .collect();
    assert_eq!(held.iter().map(|own| own.0).collect::<Vec<_>>(), [&email("Anna"), &email("Ben")], "{told}");
    for (who, why) in &held {
        // No day has room for it: tomorrow is no advice.
        let why = why.as_str().unwrap();
        assert!(
            why.ends_with("no day has room for it: raise budget.day, or lower model.max_tokens"),
            "{who}: {why}"
        );
    }
    let (_, status) = served.get("/api/status").await;
    let mut kept: Vec<(&Value, &Value)> = (status["keptBack"].as_array().unwrap().iter())
        .filter(|own| own["cause"] == "budget")
        .map(|own| (&own["persona"], &own["reason"]))
        .collect();
    kept.sort_by_key(|own| own.0.as_str());
    assert_eq!(kept, held, "the screen agrees: {status}");
    let page = served.get("/personas").await.1;
    assert!(page.as_str().is_some_and(|page| page.contains("at the last tick, because ")), "{page}");
}

#[tokio::test]
async fn health_and_a_general_resume_tell_of_those_who_are_paused_by_address() {
    let served = Served::of(House::of(&["Anna", "Ben"]).await).await;
    assert_eq!(served.get("/health").await.1["pausedPersonas"], Value::Null);
    served.ask(Method::POST, &format!("/api/pause?persona={}&reason=lunch", email("Anna"))).await;
    let (_, again) =
        served.ask(Method::POST, &format!("/api/pause?persona={}&reason=supper", email("Anna"))).await;
    assert_eq!((&again["wasPaused"], &again["reason"]), (&json!(true), &json!("lunch")), "{again}");
    let (_, health) = served.get("/health").await;
    assert_eq!(
        (&health["status"], &health["pausedPersonas"]["count"]),
        (&json!("ok"), &json!(1)),
        "{health}"
    );
    assert!(!health.to_string().contains("anna"), "who they are is nobody's business here: {health}");
    let (status, ready) = served.get("/health/ready").await;
    assert_eq!(
        (status, &of(&ready["notes"], "what", "pausedPersonas")["why"]),
        (200, &json!("1 persona is paused by address"))
    );
    let (_, resumed) = served.ask(Method::POST, "/api/resume").await;
    assert_eq!(
        (&resumed["paused"], &resumed["stillPaused"]),
        (&json!(false), &json!([email("Anna")])),
        "{resumed}"
    );
    let page = served.get("/").await.1;
    assert!(page.as_str().is_some_and(|page| page.contains("1 persona is paused by address")), "{page}");
}
