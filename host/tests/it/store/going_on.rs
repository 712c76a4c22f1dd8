//! What a turn is begun with is kept, goes on with it, and tells later what its plugin was given.

use chrono::TimeDelta;
use domain::behavior::{OfferedTool, Problem, TurnContext};
use domain::event::TurnEnd;
use domain::fault::Stage;
use domain::ids::{PluginName, Sha256Hex, StrategyName, TurnId};
use domain::step::StepKey;
use domain::tool::Tool;
use domain::transcript::Phase;
use persona_host::store::{Begun, Ledger, Open, TurnFilter};
use serde_json::json;

use super::{
    Home, Shelf, answer, begin, call, fault, intend, keep, on_both_databases, outcome, persona, pin, said,
    turn_id,
};

on_both_databases! {
    a_turn_goes_on_with_what_it_was_begun_with
    a_turn_of_the_past_tells_what_its_plugin_was_given
    a_persona_that_is_released_is_held_no_longer
    what_plugins_had_to_say_is_kept_in_order
}

pub(super) fn context(turn: TurnId) -> TurnContext {
    let tool = OfferedTool {
        name: "todo.create".to_owned(),
        module: "todo".to_owned(),
        description: "Legt etwas an.".to_owned(),
    };
    TurnContext {
        turn_id: turn.to_string(),
        now_ms: 1,
        local_date: "2026-11-23".to_owned(),
        last_active_ms: None,
        seed: u64::MAX,
        tools: vec![tool],
        memory: Some(json!({ "a": [1, null] })),
    }
}

fn definition() -> Tool {
    Tool {
        name: "todo.create".to_owned(),
        description: "Legt etwas an.".to_owned(),
        input_schema: json!({ "type": "object" }),
        read_only: false,
        idempotent: true,
    }
}

/// A turn whose question is asked.
async fn asked(ledger: &Ledger, name: &str) -> TurnId {
    let who = persona(name);
    let turn = turn_id(&who);
    assert_eq!(begin(ledger, &who).await, Begun::Attempt(1));
    ledger.pin(turn, &pin("daily"));
    ledger.keep_context(turn, &who, &context(turn), &[definition()]);
    let question = json!({ "system": "Du bist jemand.", "user": "Los." }).to_string();
    ledger.note_step(turn, 1, &StepKey::opening(Phase::Main), &question);
    ledger.catch_up().await.unwrap();
    turn
}

async fn a_turn_goes_on_with_what_it_was_begun_with(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let turn = asked(&ledger, "anna").await;
    answer(&ledger, turn, 1, Some(1)).await;
    let step = intend(&ledger, (turn, 1), 0, &call("todo.create", json!({}))).await;
    ledger.fail_step(step, "lost", true);
    let ben = persona("ben");
    begin(&ledger, &ben).await;
    let ends_in = shelf.in_(1).timestamp();
    for turn in [turn, turn_id(&ben)] {
        ledger.end(turn, &fault()).await.unwrap();
    }
    assert!(ledger.going_on().await.unwrap().is_empty(), "they are held");
    begin(&ledger, &persona("cem")).await;
    let open = ledger.open_turns().await.unwrap();
    let states: Vec<_> = open.iter().map(|own| (own.persona.as_str(), &own.open)).collect();
    let [(_, Open::Held { attempts: 1, why, .. }), (_, Open::Held { .. }), (cem, Open::Running { .. })] =
        &states[..]
    else {
        panic!("{open:?}")
    };
    assert_eq!((why.as_str(), *cem), ("no", "persona.cem@mana.test"));
    ledger.end(turn_id(&persona("cem")), &TurnEnd::Completed).await.unwrap();
    assert!(ledger.next_hold_end().await.unwrap().unwrap().timestamp() >= ends_in);
    shelf.clock.advance(TimeDelta::minutes(2));
    assert_eq!(ledger.next_hold_end().await.unwrap(), None);
    let going_on = ledger.going_on().await.unwrap();
    let [own] = going_on.as_slice() else { panic!("{going_on:?}") };
    assert_eq!((own.turn, &own.persona, &own.slot), (turn, &persona("anna"), &persona("anna").slot()));

    let unfinished = ledger.unfinished(turn).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", unfinished.pin), format!("{:?}", pin("daily")));
    assert_eq!((&unfinished.context, unfinished.tools), (&context(turn), vec![definition()]));
    assert!(unfinished.day.is_none());
    assert!(ledger.unfinished(turn_id(&ben)).await.unwrap().is_none(), "it begins anew");
    let known = ledger.known_steps(turn).await.unwrap();
    let seen: Vec<_> =
        known.iter().map(|(key, step)| (key.as_str(), step.result.is_some(), step.undone)).collect();
    assert_eq!(seen, [("main/01", true, false), ("main/01/000", false, true), ("main/opening", true, false)]);
    let builds = ledger.builds_in_use().await.unwrap();
    assert_eq!(builds.into_iter().collect::<Vec<_>>(), [(PluginName::new("daily"), Sha256Hex::of(b"build"))]);

    assert_eq!(begin(&ledger, &persona("anna")).await, Begun::Attempt(2));
    keep(&ledger, &persona("anna")).await.unwrap();
    let day = ledger.unfinished(turn).await.unwrap().unwrap().day.unwrap();
    assert_eq!(day, outcome());
    assert_eq!(ledger.turn_of(&ben.id, &ben.slot()).await.unwrap(), turn_id(&ben));
}

async fn a_turn_of_the_past_tells_what_its_plugin_was_given(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let turn = asked(&ledger, "anna").await;
    answer(&ledger, turn, 1, Some(1)).await;
    keep(&ledger, &persona("anna")).await.unwrap();
    let question = json!({ "system": "", "user": "Wie war es?" }).to_string();
    ledger.note_step(turn, 1, &StepKey::opening(Phase::Rating), &question);
    let step = ledger.begin_step(turn, 1, &StepKey::model(Phase::Rating, 1), "{}").await.unwrap();
    ledger.keep_step(step, &said("Gut war es.", false));
    ledger.catch_up().await.unwrap();
    let strategies = [StrategyName::new("daily"), StrategyName::new("brief")];
    assert!(ledger.kept_turns(&strategies, 5).await.unwrap().is_empty(), "it is not over");
    ledger.end(turn, &TurnEnd::Completed).await.unwrap();
    let kept = ledger.kept_turns(&strategies, 5).await.unwrap();
    let [own] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!((own.turn.clone(), &own.context), (turn.to_string(), &context(turn)));
    assert_eq!(own.outcome, Some(outcome()));
    let asked = [&own.asked, &own.rating_asked].map(|own| own.as_ref().unwrap().user.as_str());
    assert_eq!((asked, own.reply.as_deref()), (["Los.", "Wie war es?"], Some("Gut war es.")));
    assert_eq!(ledger.personas().await.unwrap(), [persona("anna")]);
    assert!(ledger.kept_turns(&strategies[1..], 5).await.unwrap().is_empty());
}

async fn a_persona_that_is_released_is_held_no_longer(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let anna = persona("anna");
    assert_eq!(ledger.release(&anna.email).await.unwrap(), None, "nobody knows her");
    begin(&ledger, &anna).await;
    assert_eq!(ledger.release(&anna.email).await.unwrap(), Some(0), "she is not held");
    ledger.end(turn_id(&anna), &fault()).await.unwrap();
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused);
    assert_eq!(ledger.release(&anna.email).await.unwrap(), Some(1));
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(2));
}

async fn what_plugins_had_to_say_is_kept_in_order(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    begin(&ledger, &persona("anna")).await;
    let problems = [Problem::warning(None, "eins"), Problem::error(Some("/todo".to_owned()), "zwei")];
    ledger.keep_problems(turn_id(&persona("anna")), Stage::Parse, &problems).await.unwrap();
    let id = ledger.list(&TurnFilter::default()).await.unwrap().remove(0).id;
    assert_eq!(ledger.show(&id[..4]).await.unwrap().problems, problems);
}
