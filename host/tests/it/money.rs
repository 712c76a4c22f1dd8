//! Budgets: no call is made for which there is no room, whoever makes calls at the same time. And what is told of costs.

use chrono::TimeDelta;
use domain::ids::{PersonaId, StrategyName};
use domain::usage::NanoUsd;
use persona_host::runner::HeldBy;
use persona_host::store::{CostsBy, TurnFilter};
use standin::claude::Fault;

use crate::support::house::{Blueprint, House, email, figures, held, script};

const NOTHING: NanoUsd = NanoUsd(1);
const PLENTY: NanoUsd = NanoUsd(1_000_000_000);

/// What the first call of a day may cost at most, as far as one is refused for want of money.
async fn first_call(blueprint: Blueprint) -> NanoUsd {
    let house = blueprint.config(|config| config.budget.day = Some(NOTHING)).build().await;
    house.tick().await;
    let refused = house.runner.deps().budget.is_full_for(&PersonaId::new("anybody")).unwrap();
    refused.no_room.call.unwrap()
}

/// A question about a day costs less than the day itself: the one who could begin can be asked that, too.
#[tokio::test]
async fn of_fifty_turns_at_once_with_room_for_one_call_one_makes_one() {
    let crowd =
        || Blueprint::crowd(50).script(script(2, &[])).config(|config| config.runner.concurrency = 50);
    let room = first_call(crowd()).await;
    let house = crowd().config(move |config| config.budget.day = Some(room)).build().await;
    house.tick().await;
    let turns = house.ledger().list(&TurnFilter::default()).await.unwrap();
    let calls: Vec<u32> = turns.iter().map(|turn| turn.model_calls).filter(|calls| *calls > 0).collect();
    assert_eq!(calls, [2], "one turn has made a call in the app and been asked how it was");
    assert_eq!(house.stack.claude().books().total.requests, 2);
    assert!(house.runner.deps().budget.of_today().unwrap().1 < room);
}

/// A call about a long day may cost more than the question how it was.
#[tokio::test]
async fn a_day_whose_money_goes_out_is_kept_and_delivered_and_rated_if_there_is_money_for_that() {
    let anna = || Blueprint::of(&["Anna"]).script(script(3, &[]));
    let room = NanoUsd(first_call(anna()).await.0 + 250_000);
    let house = anna().config(move |config| config.budget.turn = Some(room)).build().await;
    house.tick().await;
    let turn = house.turn("Anna").await.summary;
    assert_eq!(turn.stop_reason.as_deref(), Some("budget_exhausted"), "{turn:?}");
    let done = house.actions("Anna").await.len();
    assert!((1..3).contains(&done), "{done} actions");
    assert_eq!((turn.state.as_str(), house.feedback("Anna").await.len()), ("completed", 1));
    assert_eq!(figures(&house.tick().await), (0, 0, 0, 0), "the turn is over");
}

#[tokio::test]
async fn who_finds_no_money_waits_for_the_next_day_and_makes_no_attempts_meanwhile() {
    let house = Blueprint::of(&["Anna", "Ben"])
        .script(script(1, &[]))
        .config(|config| config.budget.day = Some(NOTHING))
        .build()
        .await;
    let report = house.tick().await;
    assert_eq!(report.ran_successfully, 0);
    let report = house.tick().await;
    assert_eq!(figures(&report), (2, 0, 0, 2), "{report:?}");
    assert!(
        held(&report).iter().all(|(_, why)| why.starts_with("waits until 2026-11-24 00:00:00 UTC")),
        "{report:?}"
    );
    assert!(report.held.iter().any(|held| held.cause == HeldBy::Budget), "{report:?}");
    assert_eq!(house.stack.claude().books().total.requests, 0);
    for name in ["Anna", "Ben"] {
        for turn in house.turns(name).await {
            assert_eq!(turn.summary.parked_at, None);
        }
    }
    let mut house = house;
    house.config.budget.day = Some(PLENTY);
    let house = house.restart().await;
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0), "there is more money, on the same day");
}

/// Each call may cost far more than it does.
#[tokio::test]
async fn money_that_is_only_promised_is_waited_for() {
    let three = || {
        let names = ["Anna", "Ben", "Kai"];
        Blueprint::of(&names).script(script(2, &[])).config(|config| config.runner.concurrency = 3)
    };
    let room = NanoUsd(first_call(three()).await.0 * 2);
    let house = three().config(move |config| config.budget.day = Some(room)).build().await;
    assert_eq!(figures(&house.tick().await), (3, 3, 0, 0), "{:?}", house.runner.deps().budget.of_today());
}

/// Each of these replies breaks off in its middle, and may have been paid for.
#[tokio::test]
async fn a_reply_that_was_lost_counts_as_the_most_that_it_can_have_cost_and_is_not_asked_for_again_at_once() {
    let lost = || vec![Fault::CutAfter(400); 8];
    let one = first_call(Blueprint::of(&["Anna"])).await;
    let house = Blueprint::of(&["Anna"])
        .script(script(1, &lost()))
        .config(move |config| config.budget.day = Some(NanoUsd(one.0 * 3)))
        .build()
        .await;
    for _ in 0..6 {
        house.tick().await;
        house.later(TimeDelta::minutes(20));
    }
    let requests = house.stack.claude().books().total.requests;
    assert!((2..=3).contains(&requests), "there is room for three calls: {requests}");
    let taken = house.runner.deps().budget.of_today().unwrap().1;
    assert!(taken.0 >= one.0 * requests, "{taken}");
    let house = house.restart().await;
    let again = house.runner.deps().budget.of_today().unwrap().1;
    assert!(again.0 >= one.0, "what was lost is known after a start: {again}");
}

#[tokio::test]
async fn what_was_spent_before_a_restart_counts_and_the_next_day_has_its_own_money() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.tick().await;
    let mut house = house;
    house.config.budget.persona_day = Some(PLENTY);
    house.config.budget.strategies.insert(StrategyName::new("daily"), PLENTY);
    house.config.budget.day = Some(PLENTY);
    let house = house.restart().await;
    let (limit, taken) = house.runner.deps().budget.of_today().unwrap();
    let cost = house.turn("Anna").await.summary.cost_usd.unwrap();
    assert_eq!(limit, PLENTY);
    assert!((taken.dollars() - cost).abs() < 1e-9, "{taken} and {cost}");
    house.later(TimeDelta::days(1));
    assert_eq!(house.runner.deps().budget.of_today().unwrap().1, NanoUsd(0));
}

#[tokio::test]
async fn costs_are_told_by_persona_strategy_model_and_day_and_add_up() {
    let house = House::scripted(&["Anna", "Ben"], script(2, &[])).await;
    house.tick().await;
    house.later(TimeDelta::days(1));
    house.tick().await;
    let zone = chrono_tz::Tz::Europe__Berlin;
    let mut totals = Vec::new();
    for (_, by) in CostsBy::ALL {
        let costs = house.ledger().costs(by, None, zone).await.unwrap();
        let of: Vec<&str> = costs.iter().map(|row| row.of.as_str()).collect();
        match by {
            CostsBy::Persona => {
                let mut of = of.clone();
                of.sort_unstable();
                assert_eq!(of, [email("Anna"), email("Ben")]);
            }
            CostsBy::Strategy => assert_eq!(of, ["daily"]),
            CostsBy::Model => assert_eq!(of, ["claude-haiku-5-5"]),
            CostsBy::Day => assert_eq!(of, ["2026-11-23", "2026-11-24"]),
            CostsBy::Arm => {
                assert!(of.is_empty(), "no experiment was played");
                continue;
            }
        }
        let (turns, calls) =
            costs.iter().fold((0, 0), |(turns, calls), row| (turns + row.turns, calls + row.calls));
        assert_eq!((turns, calls), (4, 16), "{costs:?}");
        totals.push(costs.iter().filter_map(|row| row.cost_usd).sum::<f64>());
    }
    assert!(totals.iter().all(|total| (total - totals[0]).abs() < 1e-9 && *total > 0.0), "{totals:?}");
    let later = house
        .ledger()
        .costs(CostsBy::Day, Some(house.clock.now() - TimeDelta::hours(1)), zone)
        .await
        .unwrap();
    assert_eq!(later.len(), 1, "{later:?}");
}
