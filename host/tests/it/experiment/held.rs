//! Turns of an experiment that are kept back after a fault, and go on when their hold ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use domain::experiment::Assignment;
use domain::ids::StrategyName;
use domain::persona::Persona;
use peers::postgres;
use persona_host::config::read_experiment;
use persona_host::runner::{Blocks, Border, Round};
use standin::claude::Fault;
use tokio_util::sync::CancellationToken;

use super::two_arms;
use crate::commands::{Shell, catalog, stack};
use crate::support::house::{Blueprint, House, figures};

const REFUSED: Fault = Fault::Error { status: 400, kind: "invalid_request_error" };

async fn blocks(house: &House) -> Blocks {
    let file = house.config.plugins.dir.join("e.toml");
    std::fs::write(&file, two_arms("e", "brief", 1)).unwrap();
    let names: BTreeSet<StrategyName> = house.config.strategies.iter().map(|own| own.name.clone()).collect();
    let experiment = Arc::new(read_experiment(&file, &names).unwrap());
    house.ledger().register(&experiment).await.unwrap();
    let personas = house.runner.deps().mana.due().await.unwrap().personas;
    house.ledger().enlist(&experiment, &personas).await.unwrap();
    Blocks { experiment, personas, halt: CancellationToken::new(), budget: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_failed_is_kept_back_until_a_time_that_is_known_and_played_then() {
    let house = House::of(&["Anna", "Ben"]).await;
    let blocks = blocks(&house).await;
    let play = async || {
        let at = async |_: Border, _: &Persona, _: &Assignment| Ok::<(), std::convert::Infallible>(());
        house.runner.play_round(&blocks, 0, &at).await.unwrap()
    };
    let since = house.clock.now();
    house.stack.claude().plan_fault(REFUSED);
    assert_eq!(play().await, Round { played: 4, held: 1, ..Round::default() });
    assert_eq!(play().await, Round { played: 0, held: 1, ..Round::default() }, "its hold has not ended");
    let end = house.runner.next_hold(&blocks.personas, since).await.unwrap().expect("one is held");
    assert!(end > house.clock.now() && end < house.clock.now() + TimeDelta::minutes(2), "{end}");
    assert_eq!(house.runner.next_hold(&blocks.personas, end).await.unwrap(), None, "none ends later");
    assert_eq!(house.runner.next_hold(&[], since).await.unwrap(), None, "it is nobody else's");

    house.later(end - house.clock.now() + TimeDelta::seconds(1));
    assert_eq!(play().await, Round { played: 1, held: 0, ..Round::default() });
    assert_eq!(play().await, Round::default(), "all are over");
}

/// A tick has begun what is played at once from there: the places that its turns took are not played again.
#[tokio::test(flavor = "multi_thread")]
async fn a_round_plays_only_the_places_that_live_turns_have_not_taken() {
    let house = Blueprint::of(&["Anna", "Ben"]).config(|config| {
        config.experiments = config.plugins.dir.with_file_name("experiments");
        std::fs::create_dir_all(&config.experiments).unwrap();
        std::fs::write(config.experiments.join("e.toml"), two_arms("e", "brief", 1)).unwrap();
    });
    let house = house.build().await;
    let blocks = blocks(&house).await;
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0));
    let taken = async || house.ledger().assignments("e", None).await.unwrap().len();
    assert_eq!(taken().await, 2, "the live turns have taken arms");
    let at = async |_: Border, _: &Persona, _: &Assignment| Ok::<(), std::convert::Infallible>(());
    let round = house.runner.play_round(&blocks, 0, &at).await.unwrap();
    assert_eq!(round, Round { played: 2, held: 0, ..Round::default() });
    assert_eq!(taken().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_begins_nothing_that_would_ask_who_is_left_alone_and_goes_on_after_that() {
    for (fault, code) in [
        (Fault::KeyRefused, "claude-key-refused"),
        (Fault::RateLimit { retry_after: Some(std::time::Duration::from_secs(3600)) }, "claude-rate-limit"),
    ] {
        let house = House::of(&["Anna", "Ben"]).await;
        house.stack.claude().plan_fault(fault);
        let blocks = blocks(&house).await;
        let play = async |house: &House| {
            let at = async |_: Border, _: &Persona, _: &Assignment| Ok::<(), std::convert::Infallible>(());
            house.runner.play_round(&blocks, 0, &at).await.unwrap()
        };
        let round = play(&house).await;
        assert!(round.left_alone >= 2 && round.cut_short.is_none(), "{code}: {round:?}");
        let asked = house.stack.claude().books().total.requests;
        let again = play(&house).await;
        assert_eq!((again.played, again.left_alone), (0, 2), "{code}: nobody begins: {again:?}");
        assert_eq!(house.stack.claude().books().total.requests, asked, "{code}");
        assert!(house.runner.asks_again() > house.clock.now(), "{code}");
        let house = house.restart().await;
        house.later(TimeDelta::minutes(2));
        let rest = play(&house).await;
        assert_eq!((rest.held, rest.left_alone), (0, 0), "{code}: {rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_hold_that_ends_soon_and_hears_ctrl_c_meanwhile() {
    // Of two, one is left that can be compared, which is too few.
    for names in [&["anna", "ben", "kai", "tom"][..], &["anna", "ben"]] {
        let stack = stack().await;
        let shell = Shell::beside(&stack);
        shell.write("catalog.json", catalog(names));
        shell.document("seed --catalog catalog.json", 0);
        shell.write("e.toml", two_arms("e", "brief", 1));
        stack.claude().plan_fault(REFUSED);
        let mut running = shell.start("experiment run e.toml");
        running.said("1 turns are kept back after a fault; the first goes on at ");
        assert_eq!(running.interrupt().code(), Some(0), "{names:?}");
        let rows = shell.call("experiment export e --form json-lines").stdout;
        assert_eq!(rows.lines().filter(|row| row.contains("\"faulted\":true")).count(), 1, "{rows}");
        stack.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_before_anything_can_be_compared_says_so_and_has_failed_in_nothing() {
    let stack = stack().await;
    let shell = Shell::beside(&stack);
    shell.write("catalog.json", catalog(&["anna", "ben"]));
    shell.document("seed --catalog catalog.json", 0);
    shell.write("e.toml", two_arms("e", "brief", 1));
    let told = shell.document("experiment run e.toml --blocks 0", 0);
    assert_eq!(told["key"], "e", "{told}");
    assert!(told["tooEarly"].as_str().unwrap().starts_with("there are no turns in phase 1"), "{told}");
    let said = shell.call("experiment run e.toml --blocks 0");
    assert!(said.stdout.contains("Nothing can be compared yet: there are no turns"), "{said:?}");
    assert_eq!(
        shell.call("experiment report e").code,
        Some(65),
        "who asks for a report is told that there is none"
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_ledger_that_is_away_and_goes_on_by_itself() {
    let Some(server) = postgres::server() else { return };
    let stack = stack().await;
    let shell = Shell::beside(&stack).with("PERSONA_STORE_URL", &server.database().url());
    shell.write("catalog.json", catalog(&["anna", "ben", "kai", "tom"]));
    shell.document("seed --catalog catalog.json", 0);
    shell.write("e.toml", two_arms("e", "brief", 90));
    let mut running = shell.start("experiment run e.toml");
    running.said("round 1 of 90");
    server.crash();
    running
        .said("is the database's server up? Everything goes on by itself when it is; this waits until then");
    server.start();
    running.said("the ledger is there again: the run goes on");
    assert_eq!(running.interrupt().code(), Some(0));
    stack.stop().await;
}
