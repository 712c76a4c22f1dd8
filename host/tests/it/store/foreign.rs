//! Activities that no turn of this ledger made.

use chrono::TimeDelta;
use domain::persona::Persona;
use persona_host::store::Seen;

use super::{Home, Shelf, begin, keep, on_both_databases, persona};

on_both_databases! {
    an_activity_that_comes_after_all_of_ours_is_told_once
}

async fn an_activity_that_comes_after_all_of_ours_is_told_once(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    let noticed = async |minutes| {
        let anna = Persona { last_active_at: Some(shelf.in_(minutes)), ..persona("anna") };
        let seen = Seen { ours: shelf.clock.now(), theirs: shelf.clock.now() };
        ledger.notice_foreign(&[anna], seen).await.unwrap().pop()
    };
    assert_eq!(noticed(0).await, None, "nothing is ours yet");
    begin(&ledger, &persona("anna")).await;
    keep(&ledger, &persona("anna")).await.unwrap();
    shelf.clock.advance(TimeDelta::hours(1));
    assert_eq!(noticed(0).await, None, "ours is under way");
    ledger.delivered(&[ledger.deliveries(1).await.unwrap()[0].seq]).await.unwrap();
    assert_eq!(noticed(0).await, None, "it is ours");
    shelf.clock.advance(TimeDelta::hours(1));
    let foreign = noticed(-5).await.expect("it is somebody else's");
    assert_eq!(foreign.persona, persona("anna").email);
    assert!(noticed(-1).await.is_some(), "another one");
    let all = ledger.foreign_activities().await.unwrap();
    assert_eq!(all.len(), 1, "the latest of a persona: {all:?}");
    assert!(all[0].last_active_at > foreign.last_active_at);
}
