//! Budgets: no call is made for which there is no room, whoever makes calls at the same time. And what is told of costs.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use domain::budget::{Account, Limits, Part};
use domain::ids::{PersonaId, StrategyName};
use domain::usage::NanoUsd;
use persona_host::model::STAND_IN_KEY;
use persona_host::runner::HeldBy;
use persona_host::store::{Costs, CostsBy, TurnFilter};
use serde_json::{Value, json};
use standin::claude::Fault;
use standin::witness::{Point, Witness};
use tokio::sync::mpsc;

use crate::http::Served;
use crate::support::house::{Blueprint, House, email, figures, held, script, within_reason};

const NOTHING: NanoUsd = NanoUsd(1);
const PLENTY: NanoUsd = NanoUsd(1_000_000_000);

/// What of today's budget of everything is taken.
fn of_today(house: &House) -> Part {
    house.runner.deps().budget.of_today().swap_remove(0)
}

/// What the first call of a day may cost at most, as far as one is refused for want of money.
async fn first_call(blueprint: Blueprint) -> NanoUsd {
    let house = blueprint.config(|config| config.budget.day = Some(NOTHING)).build().await;
    house.tick().await;
    let refused = house.runner.deps().budget.is_full_for(&PersonaId::new("anybody")).unwrap();
    refused.no_room.call.unwrap()
}

/// What is kept for the question how it was.
async fn for_the_rating() -> NanoUsd {
    let house =
        Blueprint::of(&["Anna"]).config(|config| config.budget.persona_day = Some(NOTHING)).build().await;
    house.tick().await;
    let own = house.runner.deps().budget.of_today().swap_remove(0).account;
    let Account::Persona(anna) = own else { panic!("hers is full, and no other limited: {own:?}") };
    let refused = house.runner.deps().budget.is_full_for(&anna).unwrap();
    NanoUsd(refused.no_room.call.unwrap().0 - first_call(Blueprint::of(&["Anna"])).await.0)
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
    assert!(of_today(&house).taken < room);
}

/// The question how it was is kept back from the start, so that no day ends unrated that could be begun.
#[tokio::test]
async fn whatever_a_turn_may_spend_it_is_rated_and_spends_no_more() {
    let anna = || Blueprint::of(&["Anna"]).script(script(3, &[]));
    let refused = first_call(anna()).await;
    let mut ends = BTreeSet::new();
    // What the call and the question may cost at most, and from there what each further call takes.
    for more in [0, 200_000, 400_000, 600_000, 1_000_000, 40_000_000] {
        let room = NanoUsd(refused.0 + for_the_rating().await.0 + more);
        let house = anna().config(move |config| config.budget.turn = Some(room)).build().await;
        house.tick().await;
        let turn = house.turn("Anna").await.summary;
        assert_eq!((turn.state.as_str(), house.feedback("Anna").await.len()), ("completed", 1), "{turn:?}");
        assert!(turn.cost_usd.unwrap() <= room.dollars(), "{turn:?}");
        assert!(!house.actions("Anna").await.is_empty());
        assert_eq!(figures(&house.tick().await), (0, 0, 0, 0), "the turn is over");
        ends.insert(turn.stop_reason.unwrap());
    }
    assert_eq!(ends, BTreeSet::from(["budget_exhausted", "end_turn"].map(str::to_owned)));
}

/// What is everybody's may be gone when the question comes: of the second reply nobody knows what it cost.
#[tokio::test]
async fn without_money_for_the_rating_the_turn_is_over_and_says_why_it_is_not_rated() {
    let anna = || Blueprint::of(&["Anna"]).script(script(3, &[Fault::None, Fault::CutAfter(400)]));
    let room = NanoUsd(first_call(anna()).await.0 * 9 / 8);
    let house = anna().config(move |config| config.budget.day = Some(room)).build().await;
    for _ in 0..3 {
        house.tick().await;
        house.later(TimeDelta::minutes(5));
    }
    let turn = house.turn("Anna").await;
    let (state, stop) = (turn.summary.state.as_str(), turn.summary.stop_reason.as_deref());
    assert_eq!((state, stop), ("completed", Some("budget_exhausted")), "{turn:?}");
    assert!(house.feedback("Anna").await.is_empty());
    assert!(!house.actions("Anna").await.is_empty(), "what it did is delivered");
    let said: Vec<&str> = turn.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(said.iter().any(|said| said.starts_with("not rated: today's budget of ")), "{said:?}");
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

/// The ledger knows of that call, too, and not yet what it cost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_under_way_counts_once_for_what_is_limited_anew() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (go_on, held) = std::sync::mpsc::channel::<()>();
    let held = Mutex::new(held);
    let witness = Witness::new(move |sight, point| {
        if sight.stand_in == "claude" && sight.path == "/v1/messages" && point == Point::Arrived {
            let _ = arrived.send(());
            let _ = held.lock().unwrap().recv();
        }
    });
    let house = Blueprint::of(&["Anna"])
        .script(script(2, &[]))
        .stack(|options| options.witness = witness)
        .config(|config| config.budget.day = Some(PLENTY))
        .build()
        .await;
    let (deps, runner) = (house.runner.deps().clone(), house.runner.clone());
    let tick = tokio::spawn(async move { runner.tick(None, Duration::ZERO).await });
    within_reason(arrivals.recv()).await.unwrap();
    let most = of_today(&house).taken;
    let change = async |limits| deps.budget.change(limits, &deps.ledger, house.config.model.max_tokens).await;
    let own = Limits { day: Some(PLENTY), persona_day: Some(NOTHING), ..Limits::default() };
    change(own).await.unwrap();
    let taken = || deps.budget.of_today().iter().map(|part| part.taken).collect::<Vec<_>>();
    assert_eq!(taken(), [most, most], "of the day, and of hers");

    drop(go_on);
    within_reason(tick).await.unwrap().unwrap();
    let cost = house.turn("Anna").await.summary.cost_usd.unwrap();
    assert!(cost > 0.0 && cost < most.dollars(), "{cost}");
    let spent: Vec<f64> = taken().iter().map(|taken| taken.dollars()).collect();
    assert_eq!(spent, [cost, cost]);

    let before = deps.budget.of_today();
    house.ledger().close().await;
    let other = Limits { day: Some(NOTHING), ..Limits::default() };
    change(other).await.expect_err("the ledger is closed");
    assert_eq!(deps.budget.of_today(), before, "what cannot be known changes nothing");
}

#[tokio::test]
async fn a_turns_own_limit_that_is_new_counts_for_the_next_turn() {
    let house = Blueprint::of(&["Anna"])
        .script(script(2, &[]))
        .config(|config| config.budget.day = Some(PLENTY))
        .build()
        .await;
    let deps = house.runner.deps();
    let limits = Limits { day: Some(PLENTY), turn: Some(NOTHING), ..Limits::default() };
    deps.budget.change(limits, &deps.ledger, house.config.model.max_tokens).await.unwrap();
    assert_eq!(house.tick().await.ran_successfully, 0);
    assert_eq!(house.stack.claude().books().total.requests, 0);
    let limits = Limits { day: Some(PLENTY), ..Limits::default() };
    deps.budget.change(limits, &deps.ledger, house.config.model.max_tokens).await.unwrap();
    house.later(TimeDelta::hours(2));
    assert_eq!(house.tick().await.ran_successfully, 1);
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
    let taken = of_today(&house).taken;
    assert!(taken.0 >= one.0 * requests, "{taken}");
    let house = house.restart().await;
    let again = of_today(&house).taken;
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
    let Part { limit, taken, .. } = of_today(&house);
    let cost = house.turn("Anna").await.summary.cost_usd.unwrap();
    assert_eq!(limit, PLENTY);
    assert!((taken.dollars() - cost).abs() < 1e-9, "{taken} and {cost}");
    house.later(TimeDelta::days(1));
    assert_eq!(of_today(&house).taken, NanoUsd(0));
}

#[tokio::test]
async fn costs_are_told_by_persona_strategy_model_and_day_and_add_up() {
    let scripted = Blueprint::of(&["Anna", "Ben"]).script(script(2, &[]));
    let house = scripted.config(|config| config.model.api_key = STAND_IN_KEY.into()).build().await;
    house.tick().await;
    house.later(TimeDelta::days(1));
    house.tick().await;
    let zone = chrono_tz::Tz::Europe__Berlin;
    let mut sums = Vec::new();
    for (_, by) in CostsBy::ALL {
        let Costs { costs, total } = house.ledger().costs(by, None, zone).await.unwrap();
        let of: Vec<&str> = costs.iter().map(|row| row.of.as_str()).collect();
        match by {
            CostsBy::Persona => {
                let mut of = of.clone();
                of.sort_unstable();
                assert_eq!(of, [email("Anna"), email("Ben")]);
            }
            CostsBy::Strategy => assert_eq!(of, ["daily"]),
            CostsBy::Model => assert_eq!(of, ["claude-haiku-5-5 (stand-in)"]),
            CostsBy::Day => assert_eq!(of, ["2026-11-23", "2026-11-24"]),
            CostsBy::Arm => {
                assert!(of.is_empty(), "no experiment was played");
                assert_eq!((total.turns, total.cost_usd), (0, None));
                continue;
            }
        }
        let (turns, calls) =
            costs.iter().fold((0, 0), |(turns, calls), row| (turns + row.turns, calls + row.calls));
        assert_eq!((turns, calls), (4, 16), "{costs:?}");
        assert_eq!((total.turns, total.calls), (4, 16), "{total:?}");
        sums.push(costs.iter().filter_map(|row| row.cost_usd).sum::<f64>());
        sums.push(total.cost_usd.unwrap());
    }
    assert!(sums.iter().all(|sum| (sum - sums[0]).abs() < 1e-9 && *sum > 0.0), "{sums:?}");
    let later = house
        .ledger()
        .costs(CostsBy::Day, Some(house.clock.now() - TimeDelta::hours(1)), zone)
        .await
        .unwrap();
    assert_eq!(later.costs.len(), 1, "{later:?}");
}

#[tokio::test]
async fn each_limit_says_what_is_taken_of_it_in_the_api_and_the_metrics_and_in_health_when_it_is_full() {
    let house = Blueprint::of(&["Anna"]).script(script(1, &[])).config(|config| {
        config.budget.day = Some(PLENTY);
        config.budget.strategies.insert(StrategyName::new("daily"), NOTHING);
    });
    let served = Served::of(house.build().await).await;
    let health = served.get("/health").await.1;
    assert_eq!(health["budget"], Value::Null, "nobody has been turned away");
    served.house.tick().await;
    let health = served.get("/health").await.1;
    assert_eq!(
        (&health["status"], &health["budget"]["full"]),
        (&json!("ok"), &json!(["budget.strategies.daily"]))
    );
    let costs = served.get("/api/costs").await.1;
    let of = |key: &str| {
        let parts = costs["budgetOfToday"].as_array().unwrap();
        parts.iter().find(|part| part["of"] == key).unwrap_or_else(|| panic!("{key} in {costs}")).clone()
    };
    assert_eq!(
        of("budget.day"),
        json!({"of": "budget.day", "limitUsd": 1.0, "takenUsd": 0.0, "isFull": false})
    );
    assert_eq!(of("budget.strategies.daily")["isFull"], true);
    assert_eq!(costs["total"]["turns"], 0, "{costs}");
    let Value::String(metrics) = served.get("/metrics").await.1 else { panic!("no text") };
    let line = "persona_budget_dollars{of=\"budget.day\",kind=\"limit\"} 1.0";
    assert!(metrics.lines().any(|own| own == line), "{metrics}");
}

#[tokio::test]
async fn whoever_asks_whether_it_is_ready_hears_of_a_full_limit_once_and_of_nobody_by_name() {
    let house = Blueprint::of(&["Anna", "Ben"]).config(|config| config.budget.persona_day = Some(NOTHING));
    let served = Served::of(house.build().await).await;
    served.house.tick().await;
    let (status, ready) = served.get("/health/ready").await;
    let why = "budget.persona_day has no room for another call";
    let notes = json!([{ "what": "budget", "why": why }]);
    assert_eq!((status, &ready["notes"]), (200, &notes), "{ready}");
}
