//! What the host's own schedule asks of the ledger.

use chrono::TimeDelta;
use persona_host::store::{Begin, Begun};
use schedule::{Moment, Record};

use super::going_on::context;
use super::{Home, Shelf, fault, on_both_databases, persona};

on_both_databases! {
    a_schedule_learns_who_there_is_who_is_held_and_which_slots_have_had_their_turn
}

async fn a_schedule_learns_who_there_is_who_is_held_and_which_slots_have_had_their_turn(home: Home) {
    let shelf = Shelf::at(home);
    let (ledger, anna, ben) = (shelf.open().await, persona("anna"), persona("ben"));
    let now = Moment { at: shelf.clock.now(), zone: chrono_tz::Europe::Berlin };
    let earlier = Moment { at: now.at - TimeDelta::hours(1), ..now };
    let slot = now.slot();
    let turn = ledger.turn_of(&anna.id, &slot).await.unwrap();
    let begun = ledger.begin(Begin { turn, persona: &anna, slot: &slot }).await.unwrap();
    assert_eq!(begun, Begun::Attempt(1));
    ledger.keep_context(turn, &anna, &context(turn), &[]);
    ledger.catch_up().await.unwrap();
    assert!(ledger.held_turns().await.unwrap().is_empty(), "it runs");
    ledger.end(turn, &fault()).await.unwrap();
    shelf.clock.advance(TimeDelta::seconds(1));

    let held = ledger.held_turns().await.unwrap();
    let [own] = held.as_slice() else { panic!("{held:?}") };
    assert_eq!((own.turn, &own.persona, &own.slot), (turn, &anna.id, &slot));
    assert_eq!((own.attempts, own.why.as_str(), own.faulted), (1, "no", true));
    let residents = ledger.residents().await.unwrap();
    let [resident] = residents.as_slice() else { panic!("{residents:?}") };
    assert_eq!(resident.persona, anna);
    for (who, moment, begun, played_since) in
        [(&anna, now, true, false), (&anna, earlier, false, true), (&ben, now, false, false)]
    {
        let record = ledger.record_of(&who.id, moment).await.unwrap();
        assert_eq!(record, Record { begun, played_since }, "{} {moment:?}", who.email);
    }
}
