//! What the API tells of strategies and plugins, and who may change one.

use std::time::Duration;

use domain::ids::StrategyName;
use persona_host::config::{Config, Watching};
use reqwest::Method;
use serde_json::json;

use super::{Looks, Served};
use crate::support::builds::{good, misfit};
use crate::support::house::{Blueprint, script};
use crate::support::http::client;

/// A house with the plugin `own`, served.
async fn served_own() -> Served {
    let house = Blueprint::of(&["Anna"]).script(script(1, &[])).own_plugin(good(1));
    // Nothing is loaded that nobody asks for.
    let house = house.config(|config| config.plugins.watch = Watching::Off).build().await;
    Served::with(house, Looks::default()).await
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
    assert!(
        body["error"]["message"].as_str().unwrap().contains("still serving 0.1.0, generation 3"),
        "{body}"
    );
    let (status, body) = post("ghost/reload").await;
    assert_eq!(
        (status, body["error"]["message"].as_str().unwrap()),
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
    // On a machine that is busy so many lines take their time.
    let patient = |config: &mut Config| {
        config.strategies.iter_mut().for_each(|strategy| strategy.limits.time = Duration::from_secs(60));
    };
    let house = Blueprint::of(&["Anna"]).own_plugin(misfit("flood-log")).config(patient).build().await;
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
    ] {
        assert_eq!(ask(&headers).await, 401, "{headers:?}");
    }
    assert_eq!(ask(&[("origin", "https://example.com")]).await, 403, "for whatever token");
    assert_eq!(served.house.own().serving.unwrap().0, 1, "nothing has changed");
    assert_eq!(ask(&[elsewhere, ("authorization", "Bearer let me in")]).await, 200);
    assert_eq!(served.house.own().serving.unwrap().0, 2);
    assert_eq!(served.get("/api/plugins").await.0, 200, "looking is free");
}
