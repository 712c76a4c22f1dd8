//! Turns that go on: with what they were begun with, from where they were left, and not for ever.

use std::fs;
use std::time::Duration;

use chrono::TimeDelta;
use domain::action::ActionStatus;
use persona_host::cli::load::builds_dir;
use persona_host::store::{LetGoOn, Recorded};
use standin::claude::Fault;
use standin::mana_mcp;

use crate::support::builds::good;
use crate::support::house::{Blueprint, House, email, figures, held, script, silent, within_reason};
use crate::support::meddling::meddle;

const REFUSED: Fault = Fault::Error { status: 400, kind: "invalid_request_error" };

fn rows_of(turn: &Recorded, key: &str) -> usize {
    turn.steps.iter().filter(|step| step.key == key).count()
}

/// The program ended, or the time was over, while a tool had not answered yet.
#[tokio::test]
async fn a_call_that_may_have_been_made_is_made_again_only_where_that_does_no_harm() {
    for (may_repeat, calls, status) in [
        (&[][..], 1, ActionStatus::Unknown),
        (&["journal.read"], 1, ActionStatus::Unknown),
        (&["journal.add"], 2, ActionStatus::Ok),
        (&["journal.*"], 2, ActionStatus::Ok),
    ] {
        let house = Blueprint::of(&["Sofia"])
            .interested("Sofia", "journal")
            .script(script(2, &[]))
            .config(|config| {
                config.runner.turn_deadline = Duration::from_secs(2);
                config.mana.idempotent_tools = may_repeat.iter().map(ToString::to_string).collect();
            })
            .build()
            .await;
        house.stack.mcp().set_faults(silent("journal.add"));
        assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
        house.stack.mcp().set_faults(mana_mcp::Faults::default());
        house.later(TimeDelta::minutes(2));
        assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
        let turn = house.turn("Sofia").await;
        assert_eq!(turn.actions[0].tool, "journal.add");
        assert_eq!(turn.actions[0].status, status, "{may_repeat:?}");
        // One row says what was begun, another what came of it in the end.
        assert_eq!(rows_of(&turn, "main/01/000"), 2, "{may_repeat:?}");
        let answer = turn.steps.iter().rfind(|step| step.key == "main/01/000").unwrap();
        let is_told = answer.result.as_ref().unwrap()["text"].as_str().unwrap().contains("unknown");
        assert_eq!(is_told, calls == 1, "{may_repeat:?}: the model is told what is not known");
    }
}

#[tokio::test]
async fn a_turn_goes_on_with_the_build_that_it_was_begun_with() {
    let faults = [Fault::None, REFUSED];
    let house = Blueprint::of(&["Anna"]).script(script(2, &faults)).own_plugin(good(1)).build().await;
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    let first = house.turn("Anna").await.summary;
    house.reload(&good(2)).await;
    let house = house.restart().await;
    house.later(TimeDelta::minutes(2));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let turn = house.turn("Anna").await.summary;
    assert_eq!((turn.outcome.as_str(), turn.attempt), ("completed", 2));
    assert_eq!(turn.plugin_sha256, first.plugin_sha256);
    house.later(TimeDelta::days(1));
    house.tick().await;
    let [next, _] = &house.turns("Anna").await[..] else { panic!("two turns") };
    assert_ne!(next.summary.plugin_sha256, first.plugin_sha256, "the next one has the build that is live");
}

#[tokio::test]
async fn a_turn_whose_build_is_gone_ends_says_so_and_keeps_what_it_did() {
    let faults = [Fault::None, REFUSED];
    let house = Blueprint::of(&["Anna"]).script(script(2, &faults)).own_plugin(good(1)).build().await;
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    house.save(&good(2));
    let builds = builds_dir(&house.config, house.ledger().url());
    fs::remove_dir_all(&builds).unwrap_or_else(|error| panic!("{}: {error}", builds.display()));
    let house = house.restart().await;
    house.later(TimeDelta::minutes(2));
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    let turn = house.turn("Anna").await;
    let fault = (turn.summary.fault_code.as_deref(), turn.summary.held_until, turn.summary.parked_at);
    assert_eq!(fault, (Some("build-gone"), None, None), "{:?}", turn.summary);
    assert_eq!((turn.actions.len(), house.actions("Anna").await.len()), (1, 1), "it has arrived");
    let faults: Vec<_> = turn.attempts.iter().map(|attempt| attempt.fault_code.as_deref()).collect();
    assert_eq!(faults, [Some("claude-request-refused"), Some("build-gone")]);
}

#[tokio::test]
async fn a_journal_that_does_not_fit_parks_the_turn_until_somebody_lets_it_go_on() {
    let house = House::scripted(&["Anna"], script(2, &[Fault::None, REFUSED])).await;
    assert_eq!(figures(&house.tick().await), (1, 0, 1, 0));
    let ledger = house.ledger_path().to_owned();
    meddle(&ledger, r#"UPDATE steps SET intent = '{"model":"another","messages":1}' WHERE key = 'main/01'"#)
        .await;
    for _ in 0..2 {
        house.later(TimeDelta::minutes(2));
        let report = house.tick().await;
        let turn = house.turn("Anna").await;
        assert_eq!(turn.summary.fault_code.as_deref(), Some("journal-misfit"), "{report:?}");
        let message = turn.summary.fault_message.unwrap();
        assert!(
            message.contains(r#"main/01 was {"model":"another","messages":1} and would be"#),
            "{message}"
        );
        assert!(turn.summary.parked_at.is_some());
        assert_eq!(house.actions("Anna").await.len(), 1, "what it did is kept");
        house.later(TimeDelta::minutes(90));
        house.tick().await;
        assert_eq!(house.turns("Anna").await.len(), 1, "it is not due: mana-auth knows what it did");
        assert_eq!(
            house.turn("Anna").await.attempts.len(),
            turn.attempts.len(),
            "and is not tried by itself"
        );
        let said = house.ledger().let_go_on(&turn.summary.id).await.unwrap();
        assert!(matches!(said, LetGoOn::GoesOn { .. }), "{said:?}");
    }

    meddle(
        &ledger,
        &format!(
            "UPDATE steps SET intent = '{{\"model\":\"{}\",\"messages\":1}}' WHERE key = 'main/01'",
            house.config.model.name
        ),
    )
    .await;
    house.later(TimeDelta::minutes(2));
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 1, 0, 0), "{report:?}");
    let delivered = house.actions("Anna").await;
    assert_eq!(delivered.len(), 2, "those that have come since are delivered, too: {delivered:?}");
    assert!(!house.feedback("Anna").await.is_empty());
}

#[tokio::test]
async fn a_persona_whose_turn_cannot_begin_is_parked_after_five_attempts_and_says_so() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    house.stack.mcp().set_faults(mana_mcp::Faults { refuses_initialize: true, ..Default::default() });
    for attempt in 1..=5 {
        assert_eq!(figures(&house.tick().await), (1, 0, 1, 0), "attempt {attempt}");
        house.later(TimeDelta::hours(1));
    }
    let report = house.tick().await;
    assert_eq!(figures(&report), (1, 0, 0, 1), "{report:?}");
    let why = held(&report)[0].1;
    assert!(why.contains("is parked until somebody lets it go on"), "{why}");
    house.stack.mcp().set_faults(mana_mcp::Faults::default());
    assert_eq!(house.runner.release(&email("Anna")).await.unwrap(), Some(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    assert_eq!(house.turn("Anna").await.attempts.len(), 6);
}

/// A tick that waits for its slowest turn keeps nobody else.
#[tokio::test]
async fn a_hold_ends_on_time_while_another_turn_is_slow() {
    let house = Blueprint::of(&["Sofia", "Anna", "Ben"])
        .interested("Sofia", "journal")
        .interested("Anna", "todo")
        .interested("Ben", "todo")
        .script(script(1, &[]))
        .config(|config| config.runner.concurrency = 2)
        .build()
        .await;
    house.stack.mcp().set_faults(silent("journal.add"));
    let runner = house.runner.clone();
    let slow = tokio::spawn(async move { runner.tick(Some(&email("Sofia")), Duration::ZERO).await.unwrap() });
    crate::support::house::eventually(async || {
        house.turns("Sofia").await.first().is_some_and(|turn| rows_of(turn, "main/01/000") == 1)
    })
    .await;
    let report = house.tick().await;
    assert_eq!(figures(&report), (3, 2, 0, 1), "{report:?}");
    assert_eq!(held(&report), [(email("Sofia").as_str(), "its turn is running")]);
    house.later(TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (3, 2, 0, 1), "and so it is a day later");
    assert!(!slow.is_finished());
    house.stack.mcp().close_sessions().await;
    within_reason(slow).await.unwrap();
}
