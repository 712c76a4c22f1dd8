//! A plugin that breaks down again and again is kept from turns, and something stands in for it.

use chrono::TimeDelta;
use domain::event::Event;
use domain::plugin::Fallback;

use crate::support::builds::{good, misfit};
use crate::support::house::{Blueprint, House, damage, figures, held, script};

const NAMES: [&str; 5] = ["Anna", "Ben", "Marcus", "Lena", "Sofia"];

/// A good build has served; then comes one that breaks down while it reads.
async fn house(fallback: &'static [Fallback]) -> House {
    let house = Blueprint::of(&NAMES)
        .script(script(1, &[]))
        .own_plugin(good(1))
        .config(move |config| {
            config.runner.concurrency = 1;
            config.plugins.replay_turns = 0;
            config.strategies.last_mut().unwrap().fallback = fallback.to_vec();
        })
        .build()
        .await;
    house.reload(&misfit("panic-in-parse")).await;
    house
}

/// Who served whom, in the order in which they had their turns.
async fn served(house: &House) -> Vec<(String, String, Option<u64>)> {
    let mut served = Vec::new();
    for name in NAMES {
        let turn = house.turns(name).await.remove(0).summary;
        served.push((turn.served_as.unwrap_or_default(), turn.plugin.unwrap_or_default(), turn.generation));
    }
    served
}

fn row(served_as: &str, plugin: &str, generation: u64) -> (String, String, Option<u64>) {
    (served_as.to_owned(), plugin.to_owned(), Some(generation))
}

#[tokio::test]
async fn after_three_breakdowns_the_build_before_stands_in() {
    let house = house(&[Fallback::Previous, Fallback::BuiltIn]).await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (5, 2, 3, 0), "{report:?}");
    let ill = row("live", "own", 2);
    let well = row("previous", "own", 3);
    assert_eq!(served(&house).await, [ill.clone(), ill.clone(), ill, well.clone(), well]);
    let quarantine = house.own().quarantine.unwrap();
    assert_eq!(quarantine.function, "parse-rating");
    assert!(quarantine.cause.contains("this reply is beyond me"), "{}", quarantine.cause);
}

#[tokio::test]
async fn without_a_build_before_the_embedded_behavior_stands_in_with_its_own_settings() {
    let house = house(&[Fallback::BuiltIn]).await;
    assert_eq!(figures(&house.tick().await), (5, 2, 3, 0));
    let served = served(&house).await;
    assert_eq!((served[3].0.as_str(), served[3].1.as_str()), ("built-in", "daily"));
    assert_eq!(house.turn("Lena").await.summary.strategy.as_deref(), Some("own"));
}

#[tokio::test]
async fn where_nothing_may_stand_in_turns_are_left_out_and_say_why() {
    let house = house(&[]).await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (5, 0, 3, 2), "{report:?}");
    let reason = held(&report)[0].1;
    assert!(reason.contains("own broke down too often in parse-rating and is quarantined until"), "{reason}");
    assert_eq!(house.turn("Lena").await.summary.outcome, "skipped");
}

#[tokio::test]
async fn after_a_while_one_turn_tries_it_again() {
    let house = house(&[Fallback::Previous]).await;
    house.tick().await;
    house.later(TimeDelta::days(1));
    let report = house.tick().await;
    assert_eq!(figures(&report), (5, 4, 1, 0), "one trial: {report:?}");
    assert_eq!(house.own().quarantine.unwrap().failed_trials, 1);

    // A new build begins with a clean slate.
    let mut events = house.runner.deps().events.listen();
    house.reload(&good(2)).await;
    assert_eq!(house.own().quarantine, None);
    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (5, 5, 0, 0));
    let metrics = house.runner.deps().events.metrics().text();
    assert!(metrics.contains("persona_plugin_quarantines_total{plugin=\"own\"} 2"), "{metrics}");
    assert!(metrics.contains("persona_plugin_quarantined{plugin=\"own\"} 0"), "{metrics}");
    let quarantined = |event: &Event| matches!(event, Event::PluginQuarantined { .. });
    assert!(!std::iter::from_fn(|| events.try_recv().ok()).any(|event| quarantined(&event)));
}

#[tokio::test]
async fn turns_that_a_quarantine_leaves_out_are_no_attempts() {
    let house = house(&[]).await;
    let mut waiting = 0;
    for _ in 0..8 {
        let report = house.tick().await;
        // Who was tried has kept actions, and is over: all others never were.
        for (_, reason) in held(&report).into_iter().filter(|(_, reason)| reason.starts_with("waits")) {
            assert!(reason.contains(": the plugin own broke down too often in parse-rating"), "{reason}");
            assert!(reason.contains(" UTC") && !reason.contains("after attempt"), "{reason}");
            waiting += 1;
        }
        house.later(TimeDelta::seconds(40));
    }
    assert!(waiting > 1, "{waiting}");
}

#[tokio::test]
async fn what_should_stand_in_and_cannot_is_told_once_and_not_tried_at_each_turn() {
    let house = house(&[Fallback::Previous, Fallback::BuiltIn]).await;
    let mut events = house.runner.deps().events.listen();
    damage(&house, &good(1));
    assert_eq!(figures(&house.tick().await), (5, 2, 3, 0));
    let served = served(&house).await;
    assert_eq!([served[3].0.as_str(), served[4].0.as_str()], ["built-in", "built-in"]);
    let told: Vec<Event> = std::iter::from_fn(|| events.try_recv().ok())
        .filter(|event| matches!(event, Event::PluginRefused { .. }))
        .collect();
    let [Event::PluginRefused { stage: "read", cause, .. }] = &told[..] else { panic!("{told:?}") };
    assert!(cause.contains("has changed the kept build"), "{cause}");
    assert_eq!(house.own().generations[0].why.as_ref(), Some(cause), "and it stays to be seen");
}
