//! Whole turns whose ledger is in a PostgreSQL database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;
use peers::postgres::{self, Database};
use persona_host::store::Recorded;
use standin::claude::Script;

use crate::support::house::{Blueprint, House, eventually, figures, script, within_reason};

const NAMES: [&str; 10] =
    ["anna0", "anna1", "anna2", "anna3", "anna4", "anna5", "anna6", "anna7", "anna8", "anna9"];

async fn house(database: &Database, script: Script) -> House {
    let url = database.url();
    Blueprint::crowd(NAMES.len())
        .script(script)
        .config(move |config| {
            config.store.url = url.into();
            config.plugins.builds_dir = Some(config.plugins.dir.with_file_name("builds"));
        })
        .build()
        .await
}

/// A Claude that takes a moment for each reply, so that something can happen meanwhile.
fn unhurried() -> Script {
    Script { first_byte_after: Duration::from_millis(100), ..script(2, &[]) }
}

/// Each persona has had so many turns, and mana-auth has what came of them, once.
async fn all_is_there(house: &House, turns: usize) {
    assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 0);
    for name in NAMES {
        let kept = house.turns(name).await;
        let states: Vec<&str> = kept.iter().map(|turn| turn.summary.outcome.as_str()).collect();
        assert_eq!(states, vec!["completed"; turns], "{name}: {kept:?}");
        let modules = kept.iter().map(|turn| turn.summary.ratings.len()).sum();
        let rows = (house.actions(name).await.len(), house.feedback(name).await.len());
        assert_eq!(rows, (2 * turns, modules), "{name}: {kept:?}");
    }
}

#[tokio::test]
async fn a_crowd_plays_day_after_day_also_after_the_program_was_started_anew() {
    let Some(database) = postgres::database() else { return };
    let house = house(&database, script(2, &[])).await;
    assert_eq!(figures(&house.tick().await), (10, 10, 0, 0));
    all_is_there(&house, 1).await;
    let house = house.restart().await;
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0), "nobody is due");
    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (10, 10, 0, 0));
    all_is_there(&house, 2).await;
}

#[tokio::test]
async fn connections_that_are_ended_in_the_middle_of_turns_lose_and_double_nothing() {
    let Some(database) = postgres::database() else { return };
    let house = house(&database, unhurried()).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let ends = {
        let is_over = Arc::clone(&is_over);
        thread::spawn(move || {
            let mut times = 0;
            while !is_over.load(Ordering::Relaxed) {
                database.hang_up();
                times += 1;
            }
            times
        })
    };
    // It may fail, too.
    drop(within_reason(house.runner.tick(None, Duration::ZERO)).await);
    is_over.store(true, Ordering::Relaxed);
    assert!(ends.join().unwrap() > 3, "they were ended in its middle");
    // Who failed goes on when the hold is over.
    for _ in 0..3 {
        house.later(TimeDelta::hours(2));
        house.tick().await;
    }
    all_is_there(&house, 1).await;
}

#[tokio::test]
async fn a_server_that_is_away_in_the_middle_of_turns_costs_nothing_but_time() {
    let Some(server) = postgres::server() else { return };
    let house = house(&server.database(), unhurried()).await;
    let runner = house.runner.clone();
    let ticking = tokio::spawn(async move { runner.tick(None, Duration::ZERO).await });
    let is_under_way = |turn: &Recorded| turn.steps.iter().any(|step| step.key == "main/01");
    eventually(async || house.turns("anna0").await.iter().any(is_under_way)).await;
    server.stop();
    drop(within_reason(ticking).await.unwrap());
    let asked = house.stack.claude().books().total.requests;
    let away = within_reason(house.runner.tick(None, Duration::ZERO)).await.unwrap_err();
    assert!(away.hint().unwrap().contains("Everything goes on by itself"), "{away}");
    assert_eq!(house.stack.claude().books().total.requests, asked, "nothing is paid for that cannot be kept");
    server.start();
    for _ in 0..4 {
        house.later(TimeDelta::hours(2));
        house.tick().await;
    }
    all_is_there(&house, 1).await;
}
