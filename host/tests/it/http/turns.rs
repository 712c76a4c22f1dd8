//! What the API tells of turns and of whoever plays them.

use std::time::Duration;

use persona_host::store::Recorded;
use reqwest::Method;
use serde_json::{Value, json};
use standin::claude::Script;
use standin::mana_mcp;

use super::{Looks, Served, served};
use crate::support::house::{Blueprint, House, email, eventually, figures, script, silent, within_reason};

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
        assert!(body["error"]["message"].as_str().unwrap().starts_with("there is no turn "), "{body}");
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
    assert_eq!(body["error"], json!({"code": "no-such-turn", "message": words, "hint": null}));
}
