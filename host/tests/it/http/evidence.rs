//! What pages show of personas, experiments and pairs of turns, for programs.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Served, served};
use crate::experiment::two_arms;
use crate::support::house::{Blueprint, email, script};

#[tokio::test]
async fn everybody_who_is_known_is_told_with_how_often_each_plays_and_how_it_went() {
    let served = served(&["Anna", "Ben"]).await;
    let (anna, ben) = (email("Anna"), email("Ben"));
    served.ask(Method::POST, &format!("/api/pause?persona={ben}&anyway=true&reason=lunch")).await;
    served.ask(Method::POST, "/diag/tick").await;
    let (status, told) = served.get("/api/personas?all=true").await;
    assert_eq!((status, told["askedAt"].is_string()), (200, true), "{told}");
    let [one, other] = [0, 1].map(|at| &told["personas"][at]);
    assert_eq!((&one["persona"], &other["persona"]), (&json!(anna), &json!(ben)), "{told}");
    let turn = served.house.turn("Anna").await.summary;
    assert_eq!((&one["cadence"], &one["stands"]), (&json!("daily"), &json!(["free"])), "{one}");
    assert_eq!((&one["turns"][0]["id"], &one["ratings"]), (&json!(turn.id), &json!(turn.ratings)), "{one}");
    assert!(one["nextDue"].is_string() && one["lastActive"].is_string() && one["pause"].is_null(), "{one}");
    assert_eq!(
        (&other["stands"], &other["pause"]["reason"], &other["isDue"]),
        (&json!(["due", "paused", "new"]), &json!("lunch"), &json!(true)),
        "{other}"
    );
    assert_eq!((&other["turns"], &other["lastActive"]), (&json!([]), &Value::Null), "{other}");
}

#[tokio::test]
async fn two_turns_are_compared_as_on_the_page() {
    let served = served(&["Anna", "Ben"]).await;
    served.ask(Method::POST, "/diag/tick").await;
    let [anna, ben] = [served.house.turn("Anna").await.summary.id, served.house.turn("Ben").await.summary.id];
    let (status, two) = served.get(&format!("/api/compare?a={anna}&b={ben}")).await;
    assert_eq!((status, &two["a"], &two["b"]), (200, &json!(anna), &json!(ben)), "{two}");
    let who = two["facts"].as_array().unwrap().iter().find(|fact| fact["name"] == "persona").unwrap();
    assert_eq!(
        (&who["a"], &who["b"], &who["differs"]),
        (&json!(email("Anna")), &json!(email("Ben")), &json!(true))
    );
    assert!(two["prompts"].as_array().unwrap().iter().any(|own| own["lines"].is_array()), "{two}");
    for (query, said) in [
        (format!("?a={anna}"), "the parameter \"b\" is missing"),
        (String::new(), "the parameter \"a\" is missing"),
        (format!("?a={anna}&b="), "must be the id of a turn"),
    ] {
        let (status, body) = served.get(&format!("/api/compare{query}")).await;
        let message = body["error"]["message"].as_str().unwrap();
        assert!(status == 400 && message.contains(said), "{query}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_is_told_with_its_verdict_its_course_and_its_warnings() {
    let house = Blueprint::of(&["Anna", "Ben"]).script(script(2, &[])).config(|config| {
        config.experiments = config.plugins.dir.with_file_name("experiments");
        std::fs::create_dir_all(&config.experiments).unwrap();
        std::fs::write(config.experiments.join("live.toml"), two_arms("live", "brief", 2)).unwrap();
    });
    let served = Served::of(house.build().await).await;
    assert_eq!(served.get("/api/experiments").await.1, json!({ "experiments": [] }));
    for _ in 0..4 {
        served.house.tick().await;
        served.house.later(TimeDelta::days(1));
    }
    let (status, all) = served.get("/api/experiments").await;
    let own = &all["experiments"][0];
    let found = &own["found"];
    assert_eq!((status, &own["experiment"], &found["rounds"]), (200, &json!("live"), &json!(2)), "{all}");
    assert!(found["verdicts"][0]["sentence"].is_string() && found["warnings"].is_array(), "{all}");
    let (status, one) = served.get("/api/experiments/live").await;
    assert_eq!((status, &one["schema"]), (200, &json!("persona-host/experiment-report/1")), "{one}");
    assert_eq!(&one["comparisons"][0]["verdict"]["outcome"], &found["verdicts"][0]["outcome"], "{one}");
    assert_eq!(served.get("/api/experiments/moon").await.1["error"]["code"], "no-such-experiment");
}
