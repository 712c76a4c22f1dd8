//! What a turn is begun with is kept, goes on with it, and tells later what its plugin was given.

use chrono::TimeDelta;
use domain::behavior::{OfferedTool, Problem, TurnContext};
use domain::fault::Stage;
use domain::ids::{PluginName, Sha256Hex, StrategyName, TurnId};
use domain::persona::Persona;
use domain::step::StepKey;
use domain::tool::Tool;
use domain::transcript::Phase;
use domain::turn_end::TurnEnd;
use persona_host::store::{Begin, Begun, Ledger, LetGoOn, Occasion, Open, Then, TurnFilter};
use serde_json::json;

use super::{
    Home, Shelf, answer, begin, call, fault, intend, keep, occasion, on_both_databases, outcome, persona,
    pin, said, turn_id,
};

on_both_databases! {
    a_turn_goes_on_with_what_it_was_begun_with
    a_turn_of_the_past_tells_what_its_plugin_was_given
    a_persona_that_is_released_is_held_no_longer
    what_plugins_had_to_say_is_kept_in_order
    what_never_came_to_its_question_is_closed_when_the_next_turn_begins
    a_due_entry_that_is_moved_back_to_a_closed_turn_is_played_anew
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
    let [
        (_, Open::Held { attempts: 1, why, then: Then::GoesOn, .. }),
        (_, Open::Held { then: Then::BeginsAnew, .. }),
        (cem, Open::Running { .. }),
    ] = &states[..]
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

/// The same persona, whom another runner has played meanwhile.
fn moved(who: &Persona, shelf: &Shelf) -> Persona {
    Persona { last_active_at: Some(shelf.clock.now()), ..who.clone() }
}

async fn what_never_came_to_its_question_is_closed_when_the_next_turn_begins(home: Home) {
    let skipped = TurnEnd::Skipped { reason: "Feiertag".to_owned(), until: None };
    for (name, is_asked, end, why) in [
        ("failed", false, fault(), Some("no")),
        ("let out", false, skipped, Some("Feiertag")),
        ("asked", true, fault(), None),
    ] {
        let shelf = Shelf::at(home);
        let (ledger, anna) = (shelf.open().await, persona("anna"));
        let turn = turn_id(&anna);
        if is_asked {
            asked(&ledger, "anna").await;
        } else {
            begin(&ledger, &anna).await;
        }
        ledger.end(turn, &end).await.unwrap();
        shelf.clock.advance(TimeDelta::hours(2));
        let next = moved(&anna, &shelf);
        assert_eq!(begin(&ledger, &next).await, Begun::Attempt(1), "{name}");

        let left = ledger.recorded_turn(turn).await.unwrap();
        let open = ledger.open_turns().await.unwrap();
        let of_anna = open.iter().filter(|own| own.turn == turn.to_string()).count();
        let held = TurnFilter { state: Some("held".to_owned()), ..TurnFilter::default() };
        let listed = ledger.list(&held).await.unwrap().len();
        let Some(why) = why else {
            assert_eq!((of_anna, listed, left.summary.then), (1, 1, Some(Then::GoesOn)), "{name}");
            assert_eq!(ledger.going_on().await.unwrap().len(), 1, "{name}: it goes on by itself");
            continue;
        };
        assert_eq!(
            (of_anna, listed, left.summary.then, left.summary.held_until),
            (0, 0, None, None),
            "{name}"
        );
        let said = left.summary.fault_message.or(left.summary.skip_reason).unwrap();
        assert!(said.starts_with("closed before it came to its question: the next turn"), "{name}: {said}");
        assert!(said.contains(&turn_id(&next).to_string()) && said.ends_with(why), "{name}: {said}");
        let attempt = left.attempts.into_iter().next().unwrap();
        let said = attempt.fault_message.or(attempt.skip_reason);
        assert_eq!(said.as_deref(), Some(why), "{name}: its history stays as it was");
        assert_eq!(ledger.let_go_on(&turn.to_string()).await.unwrap(), LetGoOn::Over, "{name}");
        assert_eq!(ledger.prune(shelf.in_(1), 10).await.unwrap(), 1, "{name}: it is old one day");
    }
}

async fn a_due_entry_that_is_moved_back_to_a_closed_turn_is_played_anew(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    ledger.end(turn_id(&anna), &fault()).await.unwrap();
    shelf.clock.advance(TimeDelta::hours(2));
    let next = moved(&anna, &shelf);
    begin(&ledger, &next).await;
    ledger.end(turn_id(&next), &TurnEnd::Completed).await.unwrap();
    let slot = anna.slot().again(2);
    let Occasion::Open { turn, slot: found } = occasion(&ledger, &anna).await else { panic!("it is open") };
    assert_eq!(found, slot);
    let begun = ledger.begin(Begin { turn, persona: &anna, slot: &slot }).await.unwrap();
    assert_eq!(begun, Begun::Attempt(1));
}
