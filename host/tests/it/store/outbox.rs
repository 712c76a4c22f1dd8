//! Deliveries, until they are acknowledged or refused.

use chrono::TimeDelta;
use domain::delivery::Rows;
use persona_host::store::Failed;

use super::{Home, Shelf, begin, keep, on_both_databases, persona, turn_id};

on_both_databases! {
    a_row_that_is_not_to_be_written_is_told_from_a_ledger_that_cannot_be_written
    a_delivery_waits_for_its_next_try_and_leaves_when_it_is_acknowledged_or_refused
}

async fn a_row_that_is_not_to_be_written_is_told_from_a_ledger_that_cannot_be_written(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    begin(&ledger, &persona("anna")).await;
    keep(&ledger, &persona("anna")).await.unwrap();
    let error =
        shelf.open_to_read().await.unwrap().delivered(&[1]).await.expect_err("it was opened to be read");
    assert!(!error.is_of_one_write(), "{error}");
    let refusals: &[&str] = match home {
        Home::File => &[
            "SELECT RAISE(ABORT, 'no')",
            "SELECT RAISE(ROLLBACK, 'no')",
            "SELECT abs(-9223372036854775808)",
            "SELECT json('{')",
        ],
        Home::Server => &[
            "RAISE EXCEPTION 'no'",
            "new.tries = 9223372036854775807 + 1",
            "new.last_error = '{'::json",
            "new.state = 'somehow'",
            "new.part = NULL",
        ],
    };
    for act in refusals {
        shelf.trap("UPDATE ON outbox", None, act).await;
        let error = ledger.delivered(&[1]).await.expect_err("it is refused");
        assert!(error.is_of_one_write(), "{act}: {error}");
        shelf.mend().await;
    }
    ledger.delivered(&[1]).await.unwrap();
}

async fn a_delivery_waits_for_its_next_try_and_leaves_when_it_is_acknowledged_or_refused(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    for name in ["anna", "ben"] {
        begin(&ledger, &persona(name)).await;
        keep(&ledger, &persona(name)).await.unwrap();
    }
    let [first, second] = &ledger.deliveries(100).await.unwrap()[..] else { panic!("one of each") };
    let next = ledger.deliveries_after(first, 100).await.unwrap();
    assert_eq!((next.len(), next[0].seq), (1, second.seq), "the next page");
    assert!(ledger.deliveries_after(second, 100).await.unwrap().is_empty());
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
    ledger.delivered(&[first]).await.unwrap();
    ledger.not_delivered(again[0].seq, "HTTP 400", Failed::Refused).await.unwrap();
    // In the place of actions that were refused for good goes one marker, so that mana-auth sees the
    // persona active and does not report it as due for ever. The marker itself has no successor.
    let marker = ledger.deliveries(100).await.unwrap();
    let Rows::Actions(rows) = &marker[0].delivery.as_ref().unwrap().rows else { panic!("{marker:?}") };
    assert_eq!((marker.len(), rows.len(), rows[0].tool_name.as_str()), (1, 1, "__idle"));
    ledger.not_delivered(marker[0].seq, "HTTP 404", Failed::Refused).await.unwrap();
    assert_eq!(ledger.deliveries_waiting().await.unwrap(), 0);
    let refused = ledger.recorded_turn(turn_id(&persona("ben"))).await.unwrap();
    assert_eq!((refused.summary.undelivered, refused.waiting[0].state.as_str()), (2, "refused"));
    assert_eq!(refused.waiting[0].last_error.as_deref(), Some("HTTP 400"));
}
