//! Many turns and many builds at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::event::Event;
use persona_host::store::TurnFilter;

use crate::support::builds::good;
use crate::support::house::{Blueprint, script};

const TURNS: usize = 100;
const RELOADS: u32 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_turns_under_fifty_reloads_have_one_generation_each_and_none_is_lost() {
    let house = Blueprint::crowd(TURNS)
        .script(script(1, &[]))
        .own_plugin(good(0))
        .config(|config| config.runner.concurrency = TURNS)
        .build()
        .await;
    let mut events = house.runner.deps().events.listen();
    let listening = tokio::spawn(async move {
        let mut calls: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        loop {
            match events.recv().await.expect("it keeps up") {
                Event::PluginCalled { turn, generation, .. } => {
                    calls.entry(turn.to_string()).or_default().push(generation.0);
                }
                Event::TickEnded { .. } => return calls,
                _ => {}
            }
        }
    });
    let runner = Arc::clone(&house.runner);
    let tick = tokio::spawn(async move { runner.tick(None, Duration::ZERO).await.unwrap() });
    for number in 1..=RELOADS {
        house.reload(&good(number)).await;
    }
    let report = tick.await.unwrap();
    assert_eq!((report.due, report.ran_successfully, report.failed.len()), (TURNS, TURNS, 0));
    let calls = listening.await.unwrap();
    let filter = TurnFilter { limit: Some(1000), ..TurnFilter::default() };
    let turns = house.ledger().list(&filter).await.unwrap();
    assert_eq!(turns.len(), TURNS);
    for turn in &turns {
        let generation = turn.generation.unwrap();
        assert_eq!(calls[&turn.id], [generation; 3], "compose, compose, parse of {}", turn.id);
    }
    let generations: BTreeSet<_> = turns.iter().map(|turn| turn.generation).collect();
    println!("{} generations served {TURNS} turns", generations.len());
    assert_eq!(house.own().serving.unwrap().0, u64::from(RELOADS) + 1);
}
