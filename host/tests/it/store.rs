//! The ledger: who may begin, what an end means, and what survives a process that dies.

mod broken;
mod played;
mod spoilt;

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use domain::action::{Action, ActionStatus};
use domain::behavior::TurnOutcome;
use domain::clock::Clock;
use domain::delivery::{Rows, feedback_requests};
use domain::event::TurnEnd;
use domain::fault::{Fault, Stage};
use domain::ids::{PersonaId, StrategyName, TurnId};
use domain::persona::{Cadence, Persona};
use domain::rating::{Rating, Score};
use domain::transcript::{Phase, Round, ToolAnswer};
use domain::usage::{NanoUsd, Usage};
use persona_host::store::{
    Answered, Begin, Begun, CallIntent, Failed, KeptRatings, Ledger, LedgerError, LedgerUrl, Standing,
    StepKey, TurnFilter,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A ledger in a folder of its own, and a clock.
struct Shelf {
    folder: TempDir,
    clock: Clock,
}

impl Shelf {
    fn new() -> Self {
        let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), clock: Clock::starting_at(noon) }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("ledger.db")
    }

    async fn open(&self) -> Ledger {
        self.try_open().await.unwrap()
    }

    async fn try_open(&self) -> Result<Ledger, LedgerError> {
        Ledger::open(&url(&self.path()), self.clock.clone()).await
    }

    fn in_(&self, minutes: i64) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::minutes(minutes)
    }
}

fn url(path: &Path) -> LedgerUrl {
    LedgerUrl::parse(&format!("sqlite:{}", path.display())).unwrap()
}

fn persona(name: &str) -> Persona {
    Persona {
        id: PersonaId::new(name),
        email: format!("persona.{name}@mana.test"),
        archetype: "solo-dev".to_owned(),
        system_prompt: "Du bist jemand.".to_owned(),
        module_mix: Vec::new(),
        cadence: Cadence::Daily,
        last_active_at: None,
    }
}

async fn begin(ledger: &Ledger, persona: &Persona) -> Begun {
    try_begin(ledger, persona).await.unwrap()
}

async fn try_begin(ledger: &Ledger, persona: &Persona) -> Result<Begun, LedgerError> {
    ledger.begin(Begin { turn: persona.turn_id(), persona, slot: &persona.slot() }).await
}

fn fault() -> TurnEnd {
    TurnEnd::Faulted(Fault::new(Stage::SignIn, "login-refused", "no").hint("ask"))
}

fn outcome() -> TurnOutcome {
    let action = Action {
        index: 0,
        tool: "todo.create".to_owned(),
        module: "todo".to_owned(),
        input: json!({"title": "b", "a": 1}),
        status: ActionStatus::Ok,
        error: None,
        latency_ms: Some(7),
    };
    TurnOutcome {
        actions: vec![action],
        modules_used: vec!["todo".to_owned()],
        final_text: Some("Gut.".to_owned()),
        stop_reason: "end_turn".to_owned(),
    }
}

async fn keep(ledger: &Ledger, persona: &Persona) -> Result<(), LedgerError> {
    ledger.keep_actions(persona.turn_id(), &outcome()).await.map(|_| ())
}

async fn answer(ledger: &Ledger, turn: TurnId, number: u32, cost: Option<u64>) {
    answer_of(ledger, &StepKey::model(turn, 1, Phase::Main, number), cost).await;
}

async fn answer_of(ledger: &Ledger, key: &StepKey, cost: Option<u64>) {
    let step = ledger.intend(key, &json!({})).await.unwrap();
    let round = Round {
        text: "Gut.".to_owned(),
        tool_calls: Vec::new(),
        stop_reason: "end_turn".to_owned(),
        model: "claude-somebody".to_owned(),
        usage: Usage { input: 10, output: 5, ..Usage::default() },
        cost: cost.map(NanoUsd),
        latency_ms: 3,
    };
    let answered = Answered { round: &round, content: json!([]), attempts: 1, price_table: "2026-11-22" };
    ledger.answer(step, &answered).await.unwrap();
}

#[tokio::test]
async fn a_turn_is_begun_once_and_again_only_when_its_hold_is_over() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = anna.turn_id();
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Free);
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(1));
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Running);
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it runs");

    let at_least = shelf.in_(1).timestamp_millis();
    ledger.end(turn, &fault()).await.unwrap();
    let Standing::HeldUntil { until, attempts, why } = ledger.standing(turn).await.unwrap() else {
        panic!("it is held")
    };
    assert!((at_least..=shelf.in_(1).timestamp_millis()).contains(&until.timestamp_millis()), "{until}");
    assert_eq!((attempts, why.as_str()), (1, "no"));
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is held");

    shelf.clock.advance(TimeDelta::minutes(2));
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Free);
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(2));
    let again = ledger.recorded_turn(turn).await.unwrap().summary;
    assert_eq!(
        (again.fault_code, again.fault_hint, again.ended_at, again.held_until),
        (None, None, None, None)
    );

    keep(&ledger, &anna).await.unwrap();
    ledger.end(turn, &fault()).await.unwrap();
    shelf.clock.advance(TimeDelta::days(365));
    assert_eq!(ledger.standing(turn).await.unwrap(), Standing::Over);
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is over");
}

#[tokio::test]
async fn of_many_who_begin_the_same_turn_at_once_one_does() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let begun = futures_util::future::join_all((0..20).map(|_| begin(&ledger, &anna))).await;
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::Attempt(1)).count(), 1);
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::Refused).count(), 19);
}

#[tokio::test]
async fn every_end_but_a_fault_and_a_skip_is_final() {
    for (end, again) in [
        (TurnEnd::Completed, Begun::Refused),
        (TurnEnd::Idle, Begun::Refused),
        (TurnEnd::Skipped { reason: "Feiertag".to_owned(), until: None }, Begun::Attempt(2)),
        (fault(), Begun::Attempt(2)),
    ] {
        let shelf = Shelf::new();
        let (ledger, anna) = (shelf.open().await, persona("anna"));
        begin(&ledger, &anna).await;
        ledger.end(anna.turn_id(), &end).await.unwrap();
        shelf.clock.advance(TimeDelta::hours(1));
        assert_eq!(begin(&ledger, &anna).await, again, "{end:?}");
    }
}

/// Whatever says so, also a panic after the actions were kept: they would be done twice.
#[tokio::test]
async fn a_turn_whose_actions_are_kept_is_never_begun_again() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    keep(&ledger, &anna).await.unwrap();
    ledger.end(anna.turn_id(), &fault()).await.unwrap();
    shelf.clock.advance(TimeDelta::hours(1));
    assert_eq!(ledger.standing(anna.turn_id()).await.unwrap(), Standing::Over);
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused);
}

#[tokio::test]
async fn turns_that_a_dead_process_left_running_are_marked_by_the_next() {
    let shelf = Shelf::new();
    let (anna, ben) = (persona("anna"), persona("ben"));
    let ledger = shelf.open().await;
    begin(&ledger, &anna).await;
    begin(&ledger, &ben).await;
    keep(&ledger, &ben).await.unwrap();
    drop(ledger);

    let ledger = shelf.open().await;
    for who in [&anna, &ben] {
        let turn = ledger.recorded_turn(who.turn_id()).await.unwrap().summary;
        assert_eq!((turn.state.as_str(), turn.fault_code.as_deref()), ("faulted", Some("interrupted")));
    }
    // It may be the turn that ended the process, so it waits like after any fault.
    let held = ledger.standing(anna.turn_id()).await.unwrap();
    assert!(matches!(held, Standing::HeldUntil { attempts: 1, .. }), "{held:?}");
    assert_eq!(ledger.standing(ben.turn_id()).await.unwrap(), Standing::Over);
    shelf.clock.advance(TimeDelta::minutes(1));
    assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(2), "nothing of it was kept");
    assert_eq!(begin(&ledger, &ben).await, Begun::Refused, "its actions were");
    assert_eq!(ledger.deliveries(100).await.unwrap().len(), 1, "and are still to be delivered");
}

fn call(tool: &str, input: Value) -> CallIntent {
    let module = tool.split('.').next().unwrap().to_owned();
    CallIntent { id: "toolu_1".to_owned(), tool: tool.to_owned(), module, input }
}

/// What was done in the app stays done, so it is read off the journal and never done again.
#[tokio::test]
async fn what_an_interrupted_turn_had_done_is_kept_from_its_journal() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = anna.turn_id();
    begin(&ledger, &anna).await;
    ledger.end(turn, &fault()).await.unwrap();
    shelf.clock.advance(TimeDelta::hours(1));
    begin(&ledger, &anna).await;
    answer(&ledger, turn, 1, Some(1)).await;
    let answers = [Some(Ok(false)), Some(Ok(true)), Some(Err("broken")), None];
    for (number, answer) in answers.iter().enumerate() {
        let key = StepKey::tool(turn, 2, 1, number);
        let step = ledger.intend(&key, &call("todo.create", json!({"n": number}))).await.unwrap();
        match answer {
            Some(Ok(is_error)) => {
                let answer = ToolAnswer { text: "said".to_owned(), is_error: *is_error };
                ledger.complete(step, &answer).await.unwrap();
            }
            Some(Err(failure)) => ledger.fail(step, failure).await.unwrap(),
            None => {}
        }
    }
    drop(ledger);

    let ledger = shelf.open().await;
    let recorded = ledger.recorded_turn(turn).await.unwrap();
    let seen: Vec<_> = recorded
        .actions
        .iter()
        .map(|action| {
            (action.input["n"].as_u64(), action.module.as_str(), action.status, action.error.as_deref())
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some(0), "todo", ActionStatus::Ok, None),
            (Some(1), "todo", ActionStatus::Error, Some("said")),
            (Some(2), "todo", ActionStatus::Unknown, Some("broken")),
            (Some(3), "todo", ActionStatus::Unknown, Some("the answer was lost")),
        ]
    );
    assert_eq!(recorded.summary.fault_code.as_deref(), Some("interrupted"));
    assert!(
        matches!(&ledger.deliveries(100).await.unwrap()[0].delivery.as_ref().unwrap().rows, Rows::Actions(rows) if rows.len() == 4)
    );
    shelf.clock.advance(TimeDelta::days(1));
    assert_eq!(begin(&ledger, &anna).await, Begun::Refused, "it is over");
}

#[tokio::test]
async fn actions_and_their_delivery_are_kept_together_or_not_at_all() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    begin(&ledger, &anna).await;
    keep(&ledger, &anna).await.unwrap();
    let kept = ledger.recorded_turn(anna.turn_id()).await.unwrap();
    assert_eq!(kept.actions, outcome().actions, "input keys stay in their order");
    assert_eq!(kept.actions[0].input.to_string(), r#"{"title":"b","a":1}"#);
    assert_eq!((kept.final_text.as_deref(), kept.waiting.len()), (Some("Gut."), 1));
    let waiting = ledger.deliveries(100).await.unwrap();
    assert!(matches!(&waiting[0].delivery.as_ref().unwrap().rows, Rows::Actions(rows) if rows.len() == 1));

    // The second action of this one is in the way of the first, so nothing of it may stay.
    let ben = persona("ben");
    begin(&ledger, &ben).await;
    let mut twice = outcome();
    twice.actions.push(twice.actions[0].clone());
    ledger.keep_actions(ben.turn_id(), &twice).await.unwrap_err();
    let nothing = ledger.recorded_turn(ben.turn_id()).await.unwrap();
    assert_eq!((nothing.actions.len(), nothing.waiting.len(), nothing.final_text), (0, 0, None));
    assert_eq!(ledger.deliveries_waiting().await.unwrap(), 1);
    keep(&ledger, &ben).await.expect("the way is free again");
}

#[tokio::test]
async fn ratings_memory_and_end_are_kept_together() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let (turn, daily) = (anna.turn_id(), StrategyName::new("daily"));
    begin(&ledger, &anna).await;
    keep(&ledger, &anna).await.unwrap();
    let ratings = [("todo", 5), ("habits", 1)].map(|(module, score)| Rating {
        module: module.to_owned(),
        score: Score::try_from(score).unwrap(),
        notes: None,
    });
    let memory = json!({"date": "2026-11-23"});
    let kept = KeptRatings {
        persona: &anna.id,
        ratings: &ratings,
        requests: feedback_requests(turn, &ratings),
        memory: Some((&daily, &memory)),
    };
    ledger.keep_ratings(turn, kept).await.unwrap();
    let recorded = ledger.recorded_turn(turn).await.unwrap();
    assert_eq!(recorded.summary.state, "completed");
    assert_eq!(recorded.summary.ratings, ratings, "in the order in which they were given");
    let parts: Vec<&str> = recorded.waiting.iter().map(|part| part.part.as_str()).collect();
    assert_eq!(parts, ["actions", "feedback-1"]);
    assert_eq!(ledger.memory(&anna.id, &daily).await.unwrap(), Some(memory));
    assert_eq!(ledger.memory(&anna.id, &StrategyName::new("brief")).await.unwrap(), None);
}

#[tokio::test]
async fn a_delivery_waits_for_its_next_try_and_leaves_when_it_is_acknowledged_or_refused() {
    let shelf = Shelf::new();
    let ledger = shelf.open().await;
    for name in ["anna", "ben"] {
        begin(&ledger, &persona(name)).await;
        keep(&ledger, &persona(name)).await.unwrap();
    }
    let order: Vec<String> = ledger
        .deliveries(100)
        .await
        .unwrap()
        .iter()
        .map(|waiting| waiting.delivery.as_ref().unwrap().persona.to_string())
        .collect();
    assert_eq!(order, ["anna", "ben"]);
    let first = ledger.deliveries(100).await.unwrap()[0].seq;
    ledger.not_delivered(first, "HTTP 503", Failed::RepeatAt(shelf.in_(5))).await.unwrap();
    assert_eq!(ledger.deliveries(100).await.unwrap().len(), 1, "the other one");
    assert_eq!(ledger.deliveries_waiting().await.unwrap(), 2);
    shelf.clock.advance(TimeDelta::minutes(6));
    let again = ledger.deliveries(100).await.unwrap();
    assert_eq!((again.len(), again[1].seq, again[1].tries), (2, first, 1), "it falls behind the other one");
    assert_eq!(ledger.deliveries(1).await.unwrap()[0].seq, again[0].seq);
    ledger.delivered(first).await.unwrap();
    ledger.not_delivered(again[0].seq, "HTTP 400", Failed::Refused).await.unwrap();
    // In the place of actions that were refused for good goes one marker, so that mana-auth sees the
    // persona active and does not report it as due for ever. The marker itself has no successor.
    let marker = ledger.deliveries(100).await.unwrap();
    let Rows::Actions(rows) = &marker[0].delivery.as_ref().unwrap().rows else { panic!("{marker:?}") };
    assert_eq!((marker.len(), rows.len(), rows[0].tool_name.as_str()), (1, 1, "__idle"));
    ledger.not_delivered(marker[0].seq, "HTTP 404", Failed::Refused).await.unwrap();
    assert_eq!(ledger.deliveries_waiting().await.unwrap(), 0);
    let refused = ledger.recorded_turn(persona("ben").turn_id()).await.unwrap();
    assert_eq!((refused.summary.undelivered, refused.waiting[0].state.as_str()), (2, "refused"));
    assert_eq!(refused.waiting[0].last_error.as_deref(), Some("HTTP 400"));
}

#[tokio::test]
async fn the_cost_of_a_turn_is_the_sum_and_null_when_one_price_is_unknown() {
    let shelf = Shelf::new();
    let ledger = shelf.open().await;
    for (name, costs, expected) in [
        ("anna", vec![Some(1_000_000), Some(2_000_000)], Some(0.003)),
        ("ben", vec![Some(1_000_000), None], None),
        ("kai", vec![None], None),
        ("tom", vec![], Some(0.0)),
    ] {
        let who = persona(name);
        begin(&ledger, &who).await;
        for (number, cost) in (1..).zip(&costs) {
            answer(&ledger, who.turn_id(), number, *cost).await;
        }
        let turn = ledger.recorded_turn(who.turn_id()).await.unwrap().summary;
        assert_eq!(turn.cost_usd, expected, "{name}");
        let calls = u32::try_from(costs.len()).unwrap();
        assert_eq!((turn.model_calls, turn.usage.input), (calls, u64::from(calls) * 10), "{name}");
    }
}

#[tokio::test]
async fn a_step_shows_intent_before_and_result_or_failure_after() {
    let shelf = Shelf::new();
    let (ledger, anna) = (shelf.open().await, persona("anna"));
    let turn = anna.turn_id();
    begin(&ledger, &anna).await;
    let done = ledger.intend(&StepKey::tool(turn, 1, 1, 0), &json!({"tool": "a.b"})).await.unwrap();
    let failed = ledger.intend(&StepKey::tool(turn, 1, 1, 1), &json!({"tool": "a.c"})).await.unwrap();
    ledger.intend(&StepKey::tool(turn, 1, 1, 2), &json!({"tool": "a.d"})).await.unwrap();
    ledger.complete(done, &json!({"text": "ok"})).await.unwrap();
    ledger.fail(failed, "lost").await.unwrap();
    let steps = ledger.recorded_turn(turn).await.unwrap().steps;
    let seen: Vec<(&str, Option<&Value>, Option<&str>, bool)> = steps
        .iter()
        .map(|step| {
            (step.key.as_str(), step.result.as_ref(), step.failure.as_deref(), step.ended_at.is_some())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("main/01/000", Some(&json!({"text": "ok"})), None, true),
            ("main/01/001", None, Some("lost"), true),
            ("main/01/002", None, None, false),
        ]
    );
    let twice = ledger.intend(&StepKey::tool(turn, 1, 1, 0), &json!({})).await;
    assert!(twice.is_err(), "a step of an attempt is made once");
}

#[tokio::test]
async fn a_reader_sees_what_is_committed_while_another_process_writes() {
    let shelf = Shelf::new();
    let ledger = shelf.open().await;
    begin(&ledger, &persona("anna")).await;
    let reader = Ledger::open_to_read(&url(&shelf.path()), shelf.clock.clone()).await.unwrap();
    begin(&ledger, &persona("ben")).await;
    assert_eq!(reader.list(&TurnFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_ledger_of_a_newer_version_is_refused_with_what_to_do() {
    let shelf = Shelf::new();
    shelf.open().await.close().await;
    let raw = sqlx::SqlitePool::connect(&format!("sqlite:{}", shelf.path().display())).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'from tomorrow', true, x'00', 0)",
    )
    .execute(&raw)
    .await
    .unwrap();
    raw.close().await;
    let path = shelf.path().display().to_string();
    let words =
        format!("the ledger {path} was written by a newer persona-host: use that version, or another ledger");
    let refused = shelf.try_open().await.unwrap_err().to_string();
    assert_eq!(refused, words);
    let reading =
        Ledger::open_to_read(&url(&shelf.path()), shelf.clock.clone()).await.unwrap_err().to_string();
    assert_eq!(reading, words, "reading it would misread it");
}
