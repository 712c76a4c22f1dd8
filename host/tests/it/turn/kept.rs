//! What is kept when the ledger fails, the program stops, or the time is over.

use std::time::Duration;

use chrono::TimeDelta;
use domain::action::ActionStatus;
use domain::ids::PersonaId;
use domain::usage::NanoUsd;
use persona_host::runner::{Runner, TickReport};
use persona_host::store::{Recorded, RecordedStep};
use standin::claude::{Fault, Script};
use standin::mana_mcp;
use tokio::task::JoinHandle;

use crate::support::house::{Blueprint, House, eventually, failures, figures, script, silent, within_reason};
use crate::support::meddling::meddle;

/// A Claude that takes a moment for each reply, so that something can happen meanwhile.
fn unhurried(calls: u32, faults: &[Fault]) -> Script {
    Script { first_byte_after: Duration::from_millis(300), ..script(calls, faults) }
}

/// A tick that runs beside the test.
fn ticking(house: &House) -> JoinHandle<TickReport> {
    let runner = house.runner.clone();
    tokio::spawn(async move { runner.tick(None, Duration::ZERO).await.unwrap() })
}

/// Waits until this step is written down as about to be made.
async fn step_is_under_way(house: &House, name: &str, key: &str) {
    let has = |turn: &Recorded| turn.steps.iter().any(|step| step.key == key && step.ended_at.is_none());
    eventually(async || house.turns(name).await.first().is_some_and(has)).await;
}

fn fault(turn: &Recorded) -> (Option<&str>, Option<&str>) {
    (turn.summary.fault_stage.as_deref(), turn.summary.fault_code.as_deref())
}

/// However the ledger fails at it: what was done is not done again, and arrives.
#[tokio::test]
async fn a_ledger_that_fails_when_actions_are_kept_loses_and_repeats_nothing() {
    for way in ["ABORT", "ROLLBACK"] {
        let house = House::scripted(&["Anna"], script(2, &[])).await;
        let ledger = house.ledger_path().to_owned();
        let trigger = format!(
            "CREATE TRIGGER trapped BEFORE INSERT ON actions BEGIN SELECT RAISE({way}, 'no room'); END"
        );
        meddle(&ledger, &trigger).await;
        let report = house.tick().await;
        assert_eq!(figures(&report), (1, 0, 1, 0), "{way}: {report:?}");
        assert!(failures(&report)[0].1.contains("no room"), "{way}: {report:?}");
        let asked = house.asked("Anna").requests;

        meddle(&ledger, "DROP TRIGGER trapped").await;
        for _ in 0..3 {
            house.later(TimeDelta::hours(2));
            house.tick().await;
        }
        assert_eq!(house.asked("Anna").requests, asked + 1, "{way}: nothing but the rating is asked");
        let turn = house.turn("Anna").await;
        assert_eq!(turn.actions.len(), 2, "{way}: {turn:?}");
        assert_eq!(house.actions("Anna").await.len(), 2, "{way}: they have arrived");
    }
}

#[tokio::test]
async fn after_a_stop_no_further_call_is_paid_for_and_the_next_start_goes_on() {
    for (under_way, paid, ratings, at, code) in [
        ("main/01", 1, false, Some("tool-loop"), Some("stopping")),
        ("main/02", 2, false, Some("ask-rating"), Some("stopping")),
        ("rating/01", 3, true, None, None),
    ] {
        let house = House::scripted(&["Anna"], unhurried(1, &[])).await;
        let (_remote, commands) = Runner::door();
        let tick = ticking(&house);
        step_is_under_way(&house, "Anna", under_way).await;
        house.runner.deps().stop.cancel();
        // The drain waits for the turn, which waits for Claude.
        within_reason(house.runner.clone().serve(commands, false)).await;
        let report = within_reason(tick).await.unwrap();
        assert_eq!(report.ran_successfully, usize::from(ratings), "{under_way}: {report:?}");
        let turn = house.turn("Anna").await;
        assert_eq!(fault(&turn), (at, code), "{under_way}");
        assert_eq!(house.asked("Anna").requests, paid, "{under_way}");
        assert_eq!(u64::from(turn.summary.model_calls), paid, "{under_way}: what was paid for is kept");
        assert_eq!(!house.feedback("Anna").await.is_empty(), ratings, "{under_way}");
        house.no_session_is_left().await;

        let house = house.restart().await;
        house.tick().await;
        let turn = house.turn("Anna").await;
        assert_eq!(
            (turn.summary.outcome.as_str(), turn.summary.held_until),
            ("completed", None),
            "{under_way}"
        );
        assert_eq!(house.asked("Anna").requests, 3, "{under_way}: nothing is paid for twice");
        assert_eq!((house.actions("Anna").await.len(), house.feedback("Anna").await.len()), (1, 1));
        house.no_session_is_left().await;
    }
}

/// A stop that meets a turn which has done nothing yet costs it nothing.
#[tokio::test]
async fn a_turn_that_a_stop_ended_before_it_did_anything_is_begun_again_at_once() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.runner.deps().cut.cancel();
    assert_eq!(figures(&house.tick().await), (1, 0, 0, 1));
    assert_eq!(fault(&house.turn("Anna").await).1, Some("stopping"));
    let house = house.restart().await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 1, 0, 0), "{report:?}");
}

#[tokio::test]
async fn a_cut_is_heard_in_every_stage_that_waits_for_somebody() {
    let house = House::scripted(&["Anna"], script(1, &[Fault::None, Fault::None, Fault::Stall])).await;
    let tick = ticking(&house);
    step_is_under_way(&house, "Anna", "rating/01").await;
    house.runner.deps().cut.cancel();
    let report = within_reason(tick).await.unwrap();
    assert_eq!(figures(&report), (1, 0, 0, 1), "{report:?}");
    let turn = house.turn("Anna").await;
    assert_eq!(fault(&turn), (Some("ask-rating"), Some("stopping")));
    assert_eq!((turn.actions.len(), house.actions("Anna").await.len()), (1, 1));
    house.no_session_is_left().await;
}

/// One asks Claude, who is silent; what is promised to that call keeps the other waiting. What is written down counts as
/// paid after a crash.
#[tokio::test]
async fn whoever_waits_for_money_has_no_call_in_the_journal() {
    let most = {
        let house =
            Blueprint::of(&["Anna"]).config(|config| config.budget.day = Some(NanoUsd(1))).build().await;
        house.tick().await;
        let refused = house.runner.deps().budget.is_full_for(&PersonaId::new("anybody")).unwrap();
        refused.no_room.call.unwrap()
    };
    let house = Blueprint::of(&["Anna", "Ben"])
        .script(script(1, &[Fault::Stall]))
        .config(move |config| {
            (config.runner.concurrency, config.budget.day) = (2, Some(NanoUsd(most.0 * 3 / 2)));
        })
        .build()
        .await;
    let tick = ticking(&house);
    let steps = async || [house.turns("Anna").await, house.turns("Ben").await].concat();
    let count = |turns: &[Recorded], key: &str| {
        turns.iter().flat_map(|turn| &turn.steps).filter(|step| step.key == key).count()
    };
    eventually(async || count(&steps().await, "main/opening") == 2).await;
    eventually(async || count(&steps().await, "main/01") > 0).await;
    // The other one has had time to come as far.
    for _ in 0..50 {
        assert_eq!(count(&steps().await, "main/01"), 1);
    }
    house.runner.deps().cut.cancel();
    assert_eq!(figures(&within_reason(tick).await.unwrap()), (2, 0, 0, 2));
}

/// A server that is slow to say goodbye delays nothing that matters.
#[tokio::test]
async fn what_was_done_is_safe_before_the_session_is_closed() {
    let refused = Fault::Error { status: 400, kind: "invalid_request_error" };
    for faults in [vec![], vec![Fault::None, refused]] {
        let house = House::scripted(&["Anna"], script(1, &faults)).await;
        house.stack.mcp().set_faults(mana_mcp::Faults { ignores_goodbyes: true, ..Default::default() });
        let tick = ticking(&house);
        eventually(async || house.stack.mcp().goodbyes() > 0).await;
        let turn = house.turn("Anna").await;
        let is_done = |step: &RecordedStep| step.key.len() == 11 && step.result.is_some();
        assert!(turn.steps.iter().any(is_done), "{faults:?}: {:?}", turn.steps);
        assert_eq!(turn.waiting.len(), usize::from(faults.is_empty()), "{faults:?}");
        within_reason(tick).await.unwrap();
    }
}

/// Neighbouring calls that only read are made at once; those that were answered in time stay answered.
#[tokio::test]
async fn what_was_answered_before_the_deadline_is_told_as_answered() {
    let mut answered_beside_silence = 0;
    for seed in [1, 2] {
        let house = Blueprint::of(&["Sofia"])
            .script(Script { seed, ..Script::default() })
            .config(|config| config.runner.turn_deadline = Duration::from_secs(2))
            .build()
            .await;
        let faults = mana_mcp::Faults { all_read_only: true, ..silent("journal.add") };
        house.stack.mcp().set_faults(faults);
        house.tick().await;
        let turn = house.turn("Sofia").await;
        let calls: Vec<_> = turn.steps.iter().filter(|step| step.key.len() == 11).collect();
        house.stack.mcp().set_faults(mana_mcp::Faults::default());
        house.later(TimeDelta::hours(2));
        house.tick().await;
        let later = house.turn("Sofia").await;
        for call in &calls {
            let again = later.steps.iter().any(|step| step.attempt == 2 && step.key == call.key);
            assert_eq!(
                again,
                call.result.is_none(),
                "{seed}: {} only reads, and is made until it is answered",
                call.key
            );
        }
        assert!(
            later.actions.iter().all(|action| action.status == ActionStatus::Ok),
            "{seed}: {:?}",
            later.actions
        );
        let silent = calls.iter().find(|call| call.result.is_none()).map(|call| &call.key[..7]);
        let beside = |key: &str| silent.is_some_and(|round| key.starts_with(round));
        answered_beside_silence +=
            calls.iter().filter(|call| call.result.is_some() && beside(&call.key)).count();
    }
    assert!(answered_beside_silence > 0, "no seed shows the case any more");
}

/// A reply may ask for more calls than fit into what is left of a token.
#[tokio::test]
async fn a_token_that_ends_between_the_calls_of_one_reply_is_renewed() {
    let house = Blueprint::of(&["Kai"]).script(Script { seed: 3, ..Script::default() }).build().await;
    let faults = mana_mcp::Faults { advance_clock: Some(TimeDelta::minutes(15)), ..Default::default() };
    house.stack.mcp().set_faults(faults);
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 1, 0, 0), "{report:?}");
    let turn = house.turn("Kai").await;
    let calls: Vec<&str> =
        turn.steps.iter().map(|step| step.key.as_str()).filter(|key| key.len() == 11).collect();
    assert!(calls.windows(2).any(|two| two[0][..7] == two[1][..7]), "the seed shows no case: {calls:?}");
    let results: Vec<String> = house.actions("Kai").await.into_iter().map(|action| action.result).collect();
    assert!(results.iter().all(|result| result == "ok"), "{results:?}");
    house.no_session_is_left().await;
}
