//! Experiments that the daemon's own turns take part in.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::budget::Limits;
use domain::experiment::{Assignment, Experiment};
use domain::usage::NanoUsd;
use experiment::assignment::next;
use standin::claude::Fault;

use super::two_arms;
use crate::support::house::{Blueprint, House, email, figures};
use crate::support::meddling::meddle;

fn file() -> String {
    two_arms("live", "brief", 2)
}

/// A house whose folder of experiments has these files.
async fn house(names: &[&str], files: &[(&str, String)]) -> House {
    let files: Vec<(String, String)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
    Blueprint::of(names)
        .config(move |config| {
            config.experiments = config.plugins.dir.with_file_name("experiments");
            std::fs::create_dir_all(&config.experiments).unwrap();
            files
                .iter()
                .for_each(|(name, text)| std::fs::write(config.experiments.join(name), text).unwrap());
        })
        .build()
        .await
}

async fn assignments(house: &House, name: &str) -> Vec<Assignment> {
    let all = house.ledger().assignments("live", Some(&email(name))).await.unwrap();
    all.into_iter().map(|assigned| assigned.assignment).collect()
}

async fn plan(house: &House) -> Experiment {
    house.ledger().experiment("live", None).await.unwrap().unwrap().experiment
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_take_their_arm_by_block_until_the_blocks_are_done() {
    let house = house(&["Anna"], &[("live.toml", file())]).await;
    for _ in 0..5 {
        house.tick().await;
        house.later(TimeDelta::days(1));
    }
    let assigned = assignments(&house, "Anna").await;
    assert_eq!(assigned.len(), 4, "two blocks of two arms, and the fifth turn is routed as usual");
    let plan = plan(&house).await;
    for end in 0..4 {
        assert_eq!(next(&plan, &email("Anna"), &assigned[..end]).as_ref(), Some(&assigned[end]));
    }
    let strategy = |arm: &str| if arm == "control" { "daily" } else { "brief" };
    let mut turns = house.turns("Anna").await;
    turns.reverse();
    for (turn, place) in turns.iter().zip(&assigned) {
        assert_eq!(turn.summary.strategy.as_deref(), Some(strategy(place.arm.as_str())));
    }
    let played = house.ledger().played("live", 1).await.unwrap().played;
    assert!(played.iter().all(|turn| turn.exposed.is_some() && turn.observation.phase == 1), "{played:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_begun_again_keeps_its_arm_and_is_one_observation() {
    let house = house(&["Anna"], &[("live.toml", file())]).await;
    let refused = Fault::Error { status: 400, kind: "invalid_request_error" };
    house.stack.claude().plan_fault(refused);
    house.tick().await;
    assert_eq!(assignments(&house, "Anna").await.len(), 1);
    house.later(TimeDelta::minutes(5));
    house.tick().await;
    let turn = house.turn("Anna").await;
    assert_eq!((turn.summary.outcome.as_str(), turn.summary.attempt), ("completed", 2));
    assert_eq!(assignments(&house, "Anna").await.len(), 1);
    let played = house.ledger().played("live", 1).await.unwrap().played;
    assert_eq!(played.iter().map(|turn| turn.attempts).collect::<Vec<_>>(), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_want_the_same_personas_only_the_first_runs_and_a_bad_file_stops_nobody() {
    let other = file().replace("key = \"live\"", "key = \"other\"");
    let files = [("a.toml", file()), ("b.toml", other), ("c.toml", "key = 7".to_owned())];
    let house = house(&["Anna"], &files).await;
    house.tick().await;
    assert_eq!(assignments(&house, "Anna").await.len(), 1);
    assert_eq!(house.ledger().experiment_keys().await.unwrap(), ["live"]);
    let open = house.runner.deps().experiments.open(house.clock.now());
    assert_eq!(open.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_an_arm_that_there_is_not_is_told_with_those_that_there_are() {
    let house = house(&["Anna"], &[("live.toml", file())]).await;
    house.tick().await;
    let experiment = plan(&house).await;
    let own = format!("live/{}", experiment.arms[0].name);
    let limits =
        |arm: &str| Limits { arms: BTreeMap::from([(arm.to_owned(), NanoUsd(1))]), ..Limits::default() };
    assert_eq!(limits(&own).of_no_arm([&experiment]), Vec::<String>::new());
    let told = limits("live/nobody").of_no_arm([&experiment]);
    assert!(told[0].contains("\"live/nobody\"") && told[0].contains(&own), "{told:?}");
    let told = limits(&own).of_no_arm([]);
    assert!(told[0].ends_with("there is no experiment"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_whose_plan_cannot_be_read_from_the_ledger_is_left_out_and_everybody_plays() {
    let house = house(&["Anna"], &[("live.toml", file())]).await;
    house.tick().await;
    meddle(house.ledger_path(), "UPDATE experiments SET plan = '{'").await;
    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    assert_eq!(assignments(&house, "Anna").await.len(), 1, "the second turn is part of none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_does_not_push_aside_what_has_begun() {
    let house = house(&["Anna"], &[("live.toml", file())]).await;
    house.tick().await;
    // Its name comes first.
    let newer = file().replace("key = \"live\"", "key = \"newer\"");
    std::fs::write(house.runner.options().experiments.join("a.toml"), newer).unwrap();
    house.later(TimeDelta::days(1));
    house.tick().await;
    assert_eq!(assignments(&house, "Anna").await.len(), 2);
    assert_eq!(house.ledger().experiment_keys().await.unwrap(), ["live"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn experiments_with_a_budget_of_nothing_left_leave_turns_to_the_routing() {
    let house =
        house(&["Anna"], &[("live.toml", file().replace("blocks = 2", "blocks = 2\nbudget = 0.0000001"))])
            .await;
    for _ in 0..3 {
        house.tick().await;
        house.later(TimeDelta::days(1));
    }
    assert_eq!(assignments(&house, "Anna").await.len(), 1, "the first turn spends it");
}
