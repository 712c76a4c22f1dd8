//! The outbox: what leaves arrives once, and nothing stands in the way of the rest.

use chrono::TimeDelta;
use persona_host::store::TurnFilter;
use standin::mana_auth;

use crate::support::house::{House, email, figures, held, script};
use crate::support::meddling::meddle;

/// More turns than one page holds, each with a delivery that has been due for longest.
const NOBODYS_TURNS: &str =
    "INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, started_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
     SELECT i, 'nobody', 'nobody', 'nobody', i, 'completed', 1, 0 FROM n";
const NOBODYS_DELIVERIES: &str = r#"INSERT INTO outbox (turn, part, delivery, next_try_at)
     SELECT id, 'feedback-1', '{"persona": "nobody", "rows": {"feedback": []}}', 0 FROM turns"#;

#[tokio::test]
async fn deliveries_wait_while_mana_auth_is_down_and_arrive_once() {
    let house = House::scripted(&["Anna", "Kai"], script(2, &[])).await;
    let failing = mana_auth::Faults { deliveries: u32::MAX, ..Default::default() };
    house.stack.auth().set_faults(failing);
    assert_eq!(figures(&house.tick().await), (2, 2, 0, 0), "the turns themselves are completed");
    assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 4);
    assert_eq!((house.actions("Anna").await, house.feedback("Anna").await), (vec![], vec![]));
    assert_eq!(house.turn("Anna").await.waiting.len(), 2, "the turn shows what is under way");

    house.later(TimeDelta::minutes(1));
    let again = house.tick().await;
    assert_eq!(figures(&again), (2, 0, 0, 2), "mana-auth still thinks that both are due: {again:?}");
    assert!(held(&again)[0].1.contains("mana-auth does not know it yet"), "{again:?}");

    // Back again, but the first answers are lost: what arrived already is sent once more.
    house.stack.auth().set_faults(mana_auth::Faults { lost_answers: 2, ..Default::default() });
    for _ in 0..4 {
        house.later(TimeDelta::hours(1));
        house.runner.flush().await.unwrap();
    }
    assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 0);
    for name in ["Anna", "Kai"] {
        let turn = house.turn(name).await;
        assert_eq!(house.actions(name).await.len(), turn.actions.len());
        assert_eq!(house.feedback(name).await.len(), turn.summary.ratings.len());
        assert!(turn.waiting.is_empty());
        assert_eq!(house.asked(name).requests, 4, "{name} was paid for once");
    }
}

#[tokio::test]
async fn a_delivery_that_mana_auth_will_never_take_is_set_aside_and_blocks_nobody() {
    let house = House::scripted(&["Anna", "Kai"], script(1, &[])).await;
    house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
    house.tick().await;
    let gone = "DELETE FROM auth.personas WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)";
    house.stack.database().execute(gone, &[email("Anna").into()]).await.unwrap();
    house.stack.auth().set_faults(mana_auth::Faults::default());
    house.later(TimeDelta::hours(1));
    let flushed = house.runner.flush().await.unwrap();
    assert_eq!((flushed.delivered, flushed.failed, flushed.waiting), (2, 2, 1), "and a marker is tried");
    house.runner.flush().await.unwrap();
    assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 0, "once");
    let set_aside = house.turn("Anna").await.waiting;
    assert!(set_aside.iter().all(|part| part.state == "refused"), "{set_aside:?}");
    assert!(set_aside[0].last_error.as_deref().unwrap().contains("Persona not found"), "{set_aside:?}");
    assert_eq!(house.actions("Kai").await.len(), 1);
}

#[tokio::test]
async fn deliveries_that_fail_again_and_again_keep_no_other_from_arriving() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    let ledger = house.ledger_path();
    for sql in [NOBODYS_TURNS, NOBODYS_DELIVERIES] {
        meddle(ledger, sql).await;
    }
    house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
    house.tick().await;
    // As many failures as there are such rows before Anna's, and from one pass to the next as in life.
    house.stack.auth().set_faults(mana_auth::Faults { deliveries: 100, ..Default::default() });
    let mut passes = 0;
    while house.actions("Anna").await.is_empty() {
        passes += 1;
        assert!(passes < 15, "it has not arrived after {passes} passes");
        house.later(TimeDelta::seconds(5));
        house.runner.flush().await.unwrap();
    }
}

#[tokio::test]
async fn rows_that_fail_alone_keep_no_other_from_arriving_however_many_stand_in_front() {
    let nobodys = "old.turn NOT LIKE '%-%'";
    for (spoil, passes_at_most) in [
        // mana-auth knows no such persona.
        (None, 1),
        (Some("SELECT RAISE(ABORT, 'not this one')"), 12),
        (Some("SELECT RAISE(ROLLBACK, 'not this one')"), 12),
        (Some("SELECT json('{')"), 12),
    ] {
        let house = House::scripted(&["Anna"], script(1, &[])).await;
        let ledger = house.ledger_path();
        for sql in [NOBODYS_TURNS, NOBODYS_DELIVERIES] {
            meddle(ledger, sql).await;
        }
        if let Some(spoil) = spoil {
            let trap =
                format!("CREATE TRIGGER trapped BEFORE UPDATE ON outbox WHEN {nobodys} BEGIN {spoil}; END");
            meddle(ledger, &trap).await;
        }
        house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
        house.tick().await;
        assert!(house.actions("Anna").await.is_empty(), "{spoil:?}");
        house.stack.auth().set_faults(mana_auth::Faults::default());
        let mut passes = 0;
        while house.actions("Anna").await.is_empty() {
            passes += 1;
            assert!(passes <= passes_at_most, "{spoil:?}: it has not arrived after {passes} passes");
            house.later(TimeDelta::seconds(5));
            let flushed = house.runner.flush().await.unwrap();
            assert!(spoil.is_none() || flushed.failed <= 10, "{spoil:?}: {flushed:?}");
        }
        if spoil.is_some() {
            meddle(ledger, "DROP TRIGGER trapped").await;
            house.later(TimeDelta::minutes(20));
            // A page of those at most in each pass.
            for _ in 0..3 {
                house.runner.flush().await.unwrap();
            }
        }
        assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 0, "{spoil:?}");
        let filter =
            TurnFilter { email: Some("nobody".to_owned()), limit: Some(200), ..TurnFilter::default() };
        let parked = house.ledger().list(&filter).await.unwrap();
        assert_eq!(parked.iter().filter(|turn| turn.undelivered == 1).count(), 120, "{spoil:?}");
    }
}

#[tokio::test]
async fn a_row_that_the_ledger_will_not_mark_is_sent_less_and_less_often_and_the_others_leave() {
    let annas = "turn = (SELECT id FROM turns WHERE email = 'persona.anna@mana.test') AND part = 'actions'";
    let trap = "CREATE TRIGGER trapped BEFORE UPDATE ON outbox WHEN old.seq = (SELECT min(seq) FROM outbox)";
    for (spoil, waits) in [
        (format!("UPDATE outbox SET tries = 9223372036854775807 WHERE {annas}"), 0),
        (format!("UPDATE outbox SET tries = -9223372036854775808 WHERE {annas}"), 0),
        (format!("UPDATE outbox SET next_try_at = 9223372036854775807 WHERE {annas}"), 0),
        (format!("UPDATE outbox SET next_try_at = -9223372036854775808 WHERE {annas}"), 0),
        (format!("{trap} BEGIN SELECT RAISE(ABORT, 'no'); END"), 1),
        (format!("{trap} BEGIN SELECT RAISE(FAIL, 'no'); END"), 1),
        (format!("{trap} BEGIN SELECT RAISE(ROLLBACK, 'no'); END"), 1),
        (format!("{trap} BEGIN SELECT abs(-9223372036854775808); END"), 1),
    ] {
        let house = House::scripted(&["Anna", "Kai"], script(1, &[])).await;
        house.stack.auth().set_faults(mana_auth::Faults { deliveries: u32::MAX, ..Default::default() });
        house.tick().await;
        house.stack.auth().set_faults(mana_auth::Faults::default());
        meddle(house.ledger_path(), &spoil).await;
        house.later(TimeDelta::minutes(10));
        let first = house.runner.flush().await.unwrap();
        assert_eq!((first.failed as u64, first.waiting), (waits, waits), "{spoil}");
        for name in ["Anna", "Kai"] {
            assert_eq!(
                (house.actions(name).await.len(), house.feedback(name).await.len()),
                (1, 1),
                "{spoil}"
            );
        }
        let at_once = house.runner.flush().await.unwrap();
        assert_eq!((at_once.failed, at_once.waiting), (0, waits), "{spoil}: it is left alone for a while");
        house.later(TimeDelta::seconds(5));
        let later = house.runner.flush().await.unwrap();
        assert_eq!((later.failed as u64, later.waiting), (waits, waits), "{spoil}: it is tried again");
        if waits > 0 {
            meddle(house.ledger_path(), "DROP TRIGGER trapped").await;
            house.later(TimeDelta::minutes(10));
            house.runner.flush().await.unwrap();
        }
        assert_eq!(house.ledger().deliveries_waiting().await.unwrap(), 0, "{spoil}");
        assert_eq!(house.actions("Anna").await.len(), 1, "{spoil}: a repeat adds nothing");
    }
}

#[tokio::test]
async fn a_ledger_that_marks_nothing_ends_a_pass() {
    let house = House::scripted(&["Anna"], script(1, &[])).await;
    let trap = "CREATE TRIGGER trapped BEFORE UPDATE ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END";
    for sql in [NOBODYS_TURNS, NOBODYS_DELIVERIES, trap] {
        meddle(house.ledger_path(), sql).await;
    }
    for _ in 0..2 {
        let flushed = house.runner.flush().await.unwrap();
        assert_eq!(
            (flushed.delivered, flushed.failed, flushed.waiting),
            (0, 10, 120),
            "and no other is sent"
        );
    }
}
