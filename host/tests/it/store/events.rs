//! Events that are kept: in their order, under numbers that only grow, and told as missing once they are gone.

use chrono::{DateTime, TimeDelta, Utc};
use domain::kind::GAP;
use persona_host::store::{EventFilter, EventPage, Gap, Ledger, ToKeep};
use serde_json::json;

use super::{Home, Shelf, on_both_databases, persona, turn_id};

on_both_databases! {
    events_are_read_in_their_order_from_any_number_on
    only_what_is_wanted_is_read_and_what_is_missing_is_told_whatever_is_wanted
    what_was_pruned_is_told_as_a_gap_and_numbers_go_on_growing
    a_number_that_the_ledger_never_had_is_told
    since_when_is_a_number_too
}

/// So many are read at once.
const MOST: u32 = 100;

fn event(at: DateTime<Utc>, kind: &'static str, name: &str) -> ToKeep {
    let event = json!({ "kind": kind, "persona": name });
    let turn = Some(turn_id(&persona(name)));
    ToKeep { at, kind, turn, persona: Some(name.to_owned()), event: event.to_string() }
}

async fn keep(shelf: &Shelf, ledger: &Ledger, events: &[(&'static str, &str)]) -> i64 {
    let now = shelf.clock.now();
    let events = events.iter().map(|(kind, name)| event(now, kind, name)).collect();
    ledger.keep_events(events).await.unwrap()
}

async fn read(ledger: &Ledger, after: i64) -> EventPage {
    ledger.events(after, &EventFilter::default(), MOST).await.unwrap()
}

fn told(page: &EventPage) -> Vec<(i64, &str)> {
    page.events.iter().map(|event| (event.id, event.kind())).collect()
}

async fn events_are_read_in_their_order_from_any_number_on(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    assert_eq!(ledger.newest_event().await.unwrap(), 0);
    assert_eq!(told(&read(&ledger, 0).await), []);
    // More than one statement takes.
    let many: Vec<_> = (0..77).map(|_| ("stage-ended", "anna")).collect();
    assert_eq!(keep(&shelf, &ledger, &many).await, 77);
    assert_eq!(keep(&shelf, &ledger, &[("turn-ended", "anna")]).await, 78);
    let page = read(&ledger, 0).await;
    let ids: Vec<i64> = page.events.iter().map(|event| event.id).collect();
    assert_eq!((ids, page.upto, page.gap), ((1..=78).collect(), 78, None));
    assert_eq!(page.events[77].kind(), "turn-ended");
    assert!(page.events[0].at <= page.events[77].at && page.events[77].at <= shelf.clock.now());
    let some = ledger.events(10, &EventFilter::default(), 3).await.unwrap();
    assert_eq!((told(&some).len(), some.events[0].id, some.upto), (3, 11, 13));
    drop(ledger);
    let ledger = shelf.open().await;
    assert_eq!(keep(&shelf, &ledger, &[("turn-started", "ben")]).await, 79, "a restart counts on");
    assert_eq!(told(&read(&ledger, 78).await), [(79, "turn-started")]);
}

async fn only_what_is_wanted_is_read_and_what_is_missing_is_told_whatever_is_wanted(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let kinds =
        [("turn-started", "anna"), ("turn-started", "ben"), ("turn-ended", "anna"), ("paused", "cem")];
    keep(&shelf, &ledger, &kinds).await;
    let gap = ToKeep { turn: None, persona: None, ..event(shelf.clock.now(), GAP, "anna") };
    ledger.keep_events(vec![gap]).await.unwrap();
    for (kinds, persona, found) in [
        (&["turn-started"][..], None, vec![1, 2, 5]),
        (&["turn-started", "paused"], None, vec![1, 2, 4, 5]),
        (&[], Some("anna"), vec![1, 3, 5]),
        (&["turn-ended"], Some("ben"), vec![5]),
    ] {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let filter = EventFilter { kinds, persona: persona.map(str::to_owned) };
        let page = ledger.events(0, &filter, MOST).await.unwrap();
        let ids: Vec<i64> = page.events.iter().map(|event| event.id).collect();
        assert_eq!((ids, page.upto), (found, 5), "{filter:?}");
    }
}

async fn what_was_pruned_is_told_as_a_gap_and_numbers_go_on_growing(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    keep(&shelf, &ledger, &[("turn-started", "anna"); 4]).await;
    shelf.clock.advance(TimeDelta::hours(2));
    keep(&shelf, &ledger, &[("turn-ended", "anna"); 4]).await;
    let hour_ago = shelf.in_(-60);
    assert_eq!(ledger.prune_events(hour_ago, MOST, 3).await.unwrap(), 3, "a little at a time");
    assert_eq!(ledger.prune_events(hour_ago, MOST, 3).await.unwrap(), 1, "the others are younger");
    let page = read(&ledger, 2).await;
    assert_eq!(page.gap, Some(Gap::Pruned { left_out: 2, last: 4 }));
    assert_eq!(told(&page)[0], (5, "turn-ended"));
    assert_eq!(read(&ledger, 4).await.gap, None, "who had read all of them misses none");
    assert_eq!(ledger.prune_events(hour_ago, 2, MOST).await.unwrap(), 2, "two are kept, however young");
    assert_eq!(ledger.prune_events(shelf.in_(60), 0, MOST).await.unwrap(), 1, "and the newest for ever");
    assert_eq!(keep(&shelf, &ledger, &[("paused", "anna")]).await, 9);
}

async fn a_number_that_the_ledger_never_had_is_told(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    assert_eq!(read(&ledger, 7).await.gap, Some(Gap::Unknown { last: 0 }));
    keep(&shelf, &ledger, &[("paused", "anna")]).await;
    let page = read(&ledger, 7).await;
    assert_eq!((page.gap, told(&page)), (Some(Gap::Unknown { last: 0 }), vec![(1, "paused")]));
}

async fn since_when_is_a_number_too(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    assert_eq!(ledger.event_before(shelf.in_(-60)).await.unwrap(), 0);
    keep(&shelf, &ledger, &[("turn-started", "anna"); 2]).await;
    shelf.clock.advance(TimeDelta::hours(2));
    keep(&shelf, &ledger, &[("turn-ended", "anna")]).await;
    for (minutes, number) in [(-600, 0), (-60, 2), (1, 3)] {
        assert_eq!(ledger.event_before(shelf.in_(minutes)).await.unwrap(), number, "{minutes}");
    }
}
