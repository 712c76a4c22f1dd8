//! A row that cannot be read, as a damaged disk or another program leaves it: it is named, and stands in no other's
//! way.

use std::collections::BTreeSet;

use domain::action::ActionStatus;
use domain::experiment::{ArmName, Assignment};
use domain::fault::{Fault, Stage};
use domain::ids::StrategyName;
use domain::turn_end::TurnEnd;
use persona_host::store::{Failed, TurnFilter};
use serde_json::json;

use super::{
    Home, Refusal, Shelf, answer, begin, call, fault, intend, keep, on_both_databases, persona, said, turn_id,
};

on_both_databases! {
    a_call_whose_journal_is_spoilt_is_kept_as_unknown_and_named_and_the_others_stay_as_they_were
    a_running_turn_that_cannot_be_ended_keeps_neither_the_ledger_nor_other_turns_from_going_on
    a_running_turn_whose_row_is_not_to_be_written_keeps_no_other_from_its_end
    absurd_counts_of_tokens_are_added_up_as_far_as_numbers_go
    a_hold_is_found_whatever_the_row_says_of_attempts
    a_delivery_that_cannot_be_read_is_set_aside_like_one_that_is_refused_and_others_leave
    what_is_shown_is_shown_as_far_as_it_can_be_read
    a_memory_that_cannot_be_read_is_forgotten
    a_turn_of_an_experiment_that_cannot_be_read_is_left_out_and_counted
}

async fn a_call_whose_journal_is_spoilt_is_kept_as_unknown_and_named_and_the_others_stay_as_they_were(
    home: Home,
) {
    let (intent, result) = (("intent", "__unreadable"), ("result", "todo.create"));
    let spoilt = |column| home.spoilt_texts().iter().map(move |text| (column, *text));
    let spoilt = spoilt(intent).chain([(intent, "'{\"tool\": 7}'")]).chain(spoilt(result));
    for ((column, tool), text) in spoilt {
        let spoil = format!("UPDATE steps SET {column} = {text} WHERE key = 'main/01/001'");
        let shelf = Shelf::at(home);
        let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
        for who in [&anna, &ben] {
            begin(&ledger, who).await;
            answer(&ledger, turn_id(who), 1, Some(1)).await;
            for position in 0..3 {
                let step =
                    intend(&ledger, (turn_id(who), 1), position, &call("todo.create", json!({}))).await;
                ledger.keep_step(step, &said("ja", false));
                ledger.catch_up().await.unwrap();
            }
        }
        drop(ledger);
        let of_anna = format!("{spoil} AND turn = '{}'", turn_id(&anna));
        for sql in [of_anna.as_str(), "UPDATE steps SET result = '{' WHERE key = 'main/01'"] {
            shelf.meddle(sql).await;
        }

        let ledger = shelf.open().await;
        let turn = ledger.recorded_turn(turn_id(&anna)).await.unwrap();
        let seen: Vec<_> = turn.actions.iter().map(|own| (own.tool.as_str(), own.status)).collect();
        let (done, lost) = (("todo.create", ActionStatus::Ok), (tool, ActionStatus::Unknown));
        assert_eq!(seen, [done, lost, done], "{spoil}");
        let named = "the journal of the tool call main/01/001 cannot be read: ";
        assert!(turn.actions[1].error.as_ref().unwrap().starts_with(named), "{spoil}: {turn:?}");
        assert!(turn.problems[0].message.starts_with(named), "{spoil}: {turn:?}");
        assert_eq!(ledger.recorded_turn(turn_id(&ben)).await.unwrap().actions.len(), 3, "{spoil}");
        assert_eq!(ledger.deliveries_waiting().await.unwrap(), 2, "{spoil}: both are to be delivered");
    }
}

async fn a_running_turn_that_cannot_be_ended_keeps_neither_the_ledger_nor_other_turns_from_going_on(
    home: Home,
) {
    let shelf = Shelf::at(home);
    let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
    begin(&ledger, &anna).await;
    begin(&ledger, &ben).await;
    drop(ledger);
    let spoil = format!("UPDATE turns SET id = 'nobody' WHERE id = '{}'", turn_id(&anna));
    shelf.meddle_against_all_keys(&spoil).await;
    let ledger = shelf.open().await;
    ledger.end_interrupted(BTreeSet::new, Fault::interrupted()).await.unwrap();
    let turn = ledger.recorded_turn(turn_id(&ben)).await.unwrap().summary;
    assert_eq!((turn.outcome.as_str(), turn.fault_code.as_deref()), ("faulted", Some("interrupted")));
}

async fn a_running_turn_whose_row_is_not_to_be_written_keeps_no_other_from_its_end(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
    begin(&ledger, &anna).await;
    begin(&ledger, &ben).await;
    drop(ledger);
    let of_anna = format!("old.id = '{}'", turn_id(&anna));
    shelf.refuse("UPDATE ON turns", Some(&of_anna), Refusal::Statement).await;
    let ledger = shelf.open().await;
    ledger.end_interrupted(BTreeSet::new, Fault::interrupted()).await.unwrap();
    let state = async |who| ledger.recorded_turn(turn_id(who)).await.unwrap().summary.outcome;
    assert_eq!((state(&anna).await, state(&ben).await), ("running".to_owned(), "faulted".to_owned()));
}

async fn absurd_counts_of_tokens_are_added_up_as_far_as_numbers_go(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    for number in 1..=2 {
        answer(&ledger, turn_id(&anna), number, Some(1)).await;
    }
    let absurd = "UPDATE usage SET input = 9223372036854775807, output = 9223372036854775807,
                      cache_write_5m = 9223372036854775807, cache_write_1h = -9223372036854775808,
                      cache_read = 9223372036854775807, cost = 9223372036854775807";
    shelf.meddle(absurd).await;
    let shown = ledger.recorded_turn(turn_id(&anna)).await.unwrap().summary;
    assert_eq!(
        (shown.usage.prompt(), shown.usage.total(), shown.usage.cache_write_1h),
        (u64::MAX, u64::MAX, 0)
    );
    assert!(shown.cost_usd.unwrap() > 1e10, "{shown:?}");
}

async fn a_hold_is_found_whatever_the_row_says_of_attempts(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    shelf.meddle("UPDATE turns SET attempt = -7").await;
    ledger.end(turn_id(&anna), &fault()).await.unwrap();
}

async fn a_delivery_that_cannot_be_read_is_set_aside_like_one_that_is_refused_and_others_leave(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
    for who in [&anna, &ben] {
        begin(&ledger, who).await;
        keep(&ledger, who).await.unwrap();
    }
    let spoil = format!("UPDATE outbox SET delivery = '{{' WHERE turn = '{}'", turn_id(&anna));
    shelf.meddle(&spoil).await;
    let waiting = ledger.deliveries(100).await.unwrap();
    let readable: Vec<_> = waiting.iter().map(|own| (own.kind, own.delivery.is_ok())).collect();
    assert_eq!(readable, [("actions", false), ("actions", true)]);
    ledger.not_delivered(waiting[0].seq, "unreadable", Failed::Refused).await.unwrap();
    let marker = &ledger.deliveries(100).await.unwrap()[1].delivery;
    assert_eq!(marker.as_ref().unwrap().persona, anna.id, "mana-auth learns that it was active");
}

async fn what_is_shown_is_shown_as_far_as_it_can_be_read(home: Home) {
    let mut spoilt = vec![
        "UPDATE turns SET ended_at = 9223372036854775807",
        "UPDATE turns SET attempt = -1",
        "UPDATE steps SET intent = '{'",
        "UPDATE steps SET begun_at = 9223372036854775807",
        "UPDATE actions SET input = '{'",
        "UPDATE outbox SET tries = -1",
        "UPDATE turns SET settings = '{'",
    ];
    if home == Home::File {
        spoilt.push("UPDATE turns SET final_text = CAST(x'ff' AS TEXT)");
    }
    for spoil in spoilt {
        let shelf = Shelf::at(home);
        let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
        begin(&ledger, &anna).await;
        answer(&ledger, turn_id(&anna), 1, Some(1)).await;
        keep(&ledger, &anna).await.unwrap();
        ledger.end(turn_id(&anna), &fault()).await.unwrap();
        shelf.meddle(spoil).await;
        begin(&ledger, &ben).await;
        let listed = ledger.list(&TurnFilter::default()).await.unwrap();
        assert_eq!(listed.len(), 2, "{spoil}");
        let shown = ledger.recorded_turn(turn_id(&anna)).await.unwrap();
        assert_eq!((shown.steps.len(), shown.actions.len()), (1, 1), "{spoil}");
        let [why] = shown.summary.unreadable.as_slice() else { panic!("{spoil}: {shown:?}") };
        assert!(why.contains("the ledger"), "{spoil}: {why}");
        let good = ledger.recorded_turn(turn_id(&ben)).await.unwrap().summary;
        assert!(good.unreadable.is_empty(), "{spoil}: {good:?}");
    }
}

async fn a_memory_that_cannot_be_read_is_forgotten(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    for memory in home.spoilt_texts() {
        let spoil = format!(
            "INSERT INTO memories (persona, strategy, memory, turn)
             SELECT persona, 'daily', {memory}, id FROM turns WHERE true
             ON CONFLICT (persona, strategy) DO UPDATE SET memory = excluded.memory"
        );
        shelf.meddle(&spoil).await;
        let memory = ledger.memory(&anna.id, &StrategyName::new("daily")).await.unwrap();
        assert_eq!(memory, None);
    }
}

async fn a_turn_of_an_experiment_that_cannot_be_read_is_left_out_and_counted(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let registered = "INSERT INTO experiments (key, version, plan, sha256, registered_at)
                      VALUES ('tone', 1, '{}', '', 0)";
    shelf.meddle(registered).await;
    for name in ["anna", "ben"] {
        let who = persona(name);
        begin(&ledger, &who).await;
        let place = Assignment {
            experiment: "tone".to_owned(),
            version: 1,
            block: 0,
            place: 0,
            arm: ArmName::new("plain"),
        };
        ledger.assign(turn_id(&who), &who.email, &place).await.unwrap();
        ledger.end(turn_id(&who), &TurnEnd::Faulted(Fault::stopping(Stage::SignIn))).await.unwrap();
    }
    shelf.meddle("UPDATE assignments SET block = -1 WHERE persona LIKE '%anna%'").await;
    let turns = ledger.played("tone", 1).await.unwrap();
    assert_eq!((turns.played.len(), turns.unreadable.len()), (1, 1), "{turns:?}");
    assert_eq!(ledger.assignments("tone", None).await.unwrap().len(), 1, "the audit goes on");
    let error = ledger.experiment("tone", None).await.unwrap_err();
    assert!(error.is_of_one_row(), "{error}");
}
