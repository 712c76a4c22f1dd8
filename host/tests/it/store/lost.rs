//! A PostgreSQL server that goes away, and connections to it that are lost: nothing is told as written that is not, nothing
//! is written twice, and everything goes on by itself.

use std::pin::pin;

use domain::step::StepKey;
use domain::transcript::Phase;
use futures_util::future::join_all;
use peers::postgres;
use persona_host::store::{Begun, Ledger, LedgerError, LedgerUrl, Standing, TurnFilter};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::line::Line;
use super::{Home, Shelf, begin, call, intend, keep, persona, said, try_begin, turn_id};
use crate::support::house::{eventually, within_reason};

/// A session is ended by its own statement, the first times that this is done.
const ENDS_ITSELF: &str =
    "IF nextval('persona_host.ends') <= 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF";

fn shelf() -> Option<Shelf> {
    (!postgres::is_left_out()).then(|| Shelf::at(Home::Server))
}

async fn attempts(ledger: &Ledger, name: &str) -> usize {
    ledger.recorded_turn(turn_id(&persona(name))).await.unwrap().attempts.len()
}

#[tokio::test]
async fn who_writes_and_who_reads_next_does_not_notice_that_connections_were_ended() {
    let Some(shelf) = shelf() else { return };
    let ledger = shelf.open().await;
    for (number, name) in (1..).zip(["anna", "ben", "kai"]) {
        assert_eq!(begin(&ledger, &persona(name)).await, Begun::Attempt(1));
        shelf.database().hang_up();
        let all = TurnFilter::default();
        let listed = join_all((0..8).map(|_| ledger.list(&all))).await;
        assert!(listed.iter().all(|own| own.as_ref().is_ok_and(|own| own.len() == number)), "{listed:?}");
    }
    assert_eq!(ledger.trouble(), None);
}

#[tokio::test]
async fn a_write_whose_connection_is_lost_in_its_middle_is_done_once() {
    for at_its_commit in [false, true] {
        let Some(shelf) = shelf() else { return };
        let ledger = shelf.open().await;
        begin(&ledger, &persona("ben")).await;
        let step = intend(&ledger, (turn_id(&persona("ben")), 1), 0, &call("todo.create", json!({}))).await;
        shelf.meddle("CREATE SEQUENCE ends").await;
        if at_its_commit {
            shelf
                .meddle(&format!(
                    "CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {ENDS_ITSELF}; RETURN NULL; END $$;
                     CREATE CONSTRAINT TRIGGER ended AFTER INSERT ON attempts DEFERRABLE INITIALLY DEFERRED
                     FOR EACH ROW EXECUTE FUNCTION ends()"
                ))
                .await;
        } else {
            shelf.trap("INSERT ON attempts", None, ENDS_ITSELF).await;
        }
        ledger.keep_step(step, &said("ja", false));
        assert_eq!(begin(&ledger, &persona("anna")).await, Begun::Attempt(1), "{at_its_commit}");
        assert_eq!(shelf.database().psql("SELECT last_value FROM persona_host.ends"), "2\n");
        assert_eq!(attempts(&ledger, "anna").await, 1, "{at_its_commit}");
        let of_ben = ledger.recorded_turn(turn_id(&persona("ben"))).await.unwrap();
        assert!(of_ben.steps[0].result.is_some(), "{at_its_commit}: and what was put off with it");
    }
}

#[tokio::test]
async fn a_write_that_loses_each_connection_is_told_as_not_written_and_nothing_of_it_is_there() {
    let Some(shelf) = shelf() else { return };
    let ledger = shelf.open().await;
    shelf.trap("INSERT ON attempts", None, "PERFORM pg_terminate_backend(pg_backend_pid())").await;
    for _ in 0..2 {
        let error = try_begin(&ledger, &persona("anna")).await.unwrap_err();
        assert!(error.hint().unwrap().contains("server up"), "{error}");
        assert!(ledger.trouble().is_some());
        assert_eq!(ledger.standing(turn_id(&persona("anna"))).await.unwrap(), Standing::Free);
    }
    shelf.mend().await;
    assert_eq!(begin(&ledger, &persona("anna")).await, Begun::Attempt(1));
    assert_eq!((ledger.trouble(), attempts(&ledger, "anna").await), (None, 1));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_told_as_what_it_was() {
    for (leaves_the_far_end, refused) in [(false, 0), (false, 3), (true, 0)] {
        let Some(shelf) = shelf() else { return };
        let line = Line::to(shelf.database()).await;
        let ledger = Ledger::open(&line.url(), shelf.clock.clone()).await.unwrap();
        let (anna, turn) = (persona("anna"), turn_id(&persona("anna")));
        line.cut(leaves_the_far_end, refused);
        assert_eq!(begin(&ledger, &anna).await, Begun::Attempt(1));
        assert!(line.was_cut());
        line.cut(leaves_the_far_end, refused);
        let step = ledger.begin_step(turn, 1, &StepKey::model(Phase::Main, 1), "{}").await.unwrap();
        assert!(line.was_cut());
        ledger.keep_step(step, &said("ja", false));
        line.cut(leaves_the_far_end, refused);
        keep(&ledger, &anna).await.unwrap();
        assert!(line.was_cut());
        let own = ledger.recorded_turn(turn).await.unwrap();
        let rows = (own.attempts.len(), own.steps.len(), own.actions.len(), own.waiting.len());
        assert_eq!(rows, (1, 1, 1, 1), "{leaves_the_far_end} {refused}: {own:?}");
        ledger.close().await;
    }
}

#[tokio::test]
async fn while_the_server_is_away_everything_says_so_and_afterwards_goes_on_by_itself() {
    let Some(server) = postgres::server() else { return };
    let url = LedgerUrl::parse(&server.database().url()).unwrap();
    let clock = domain::clock::Clock::system();
    let ledger = Ledger::open(&url, clock.clone()).await.unwrap();
    let (ben, turn) = (persona("ben"), turn_id(&persona("ben")));
    begin(&ledger, &ben).await;
    let mut step = intend(&ledger, (turn, 1), 0, &call("todo.create", json!({}))).await;
    let ways: [fn(&postgres::Server); 2] = [postgres::Server::stop, postgres::Server::crash];
    for (place, ends) in (1..).zip(ways) {
        ends(&server);
        ledger.keep_step(step, &said("ja", false));
        let names: Vec<_> = (0..10).map(|number| persona(&format!("anna{place}{number}"))).collect();
        let begun = join_all(names.iter().map(|who| try_begin(&ledger, who))).await;
        let read = ledger.list(&TurnFilter::default()).await.map(|_| Begun::Refused);
        let caught_up = ledger.catch_up().await.map(|()| Begun::Refused);
        for told in begun.into_iter().chain([read, caught_up]) {
            let error = told.unwrap_err();
            assert!(matches!(error, LedgerError::Statement { .. }), "{error}");
            assert!(error.hint().unwrap().contains("Everything goes on by itself"), "{error}");
        }
        assert!(ledger.trouble().is_some());
        let anew = Ledger::open(&url, clock.clone()).await.unwrap_err();
        assert!(matches!(anew, LedgerError::Open { .. }), "{anew}");
        assert!(anew.hint().unwrap().contains("is the server up"), "{anew}");
        server.start();
        eventually(async || ledger.trouble().is_none()).await;
        let anew = Ledger::open(&url, clock.clone()).await.unwrap_err();
        assert!(matches!(anew, LedgerError::InUse { .. }), "it is ours again before anybody writes: {anew}");
        let steps = ledger.recorded_turn(turn).await.unwrap().steps;
        assert!(steps.iter().all(|own| own.result.is_some()), "what was put off is written: {steps:?}");
        let begun = join_all(names.iter().map(|who| begin(&ledger, who))).await;
        assert!(begun.iter().all(|own| *own == Begun::Attempt(1)), "{begun:?}");
        assert_eq!(ledger.trouble(), None);
        step = intend(&ledger, (turn, 1), place, &call("todo.create", json!({}))).await;
    }
    ledger.close().await;
}

#[tokio::test]
async fn a_server_that_stands_still_is_told_of_while_it_is_waited_for_and_nobody_waits_for_long() {
    let Some(server) = postgres::server() else { return };
    let url = LedgerUrl::parse(&server.database().url()).unwrap();
    let ledger = Ledger::open(&url, domain::clock::Clock::system()).await.unwrap();
    begin(&ledger, &persona("anna")).await;
    server.hang();
    let ben = persona("ben");
    let mut writes = pin!(try_begin(&ledger, &ben));
    tokio::select! {
        biased;
        told = &mut writes => panic!("{told:?}, and nothing was told of it before"),
        () = eventually(async || ledger.trouble().is_some()) => {}
    }
    assert!(ledger.trouble().unwrap().starts_with("it has not answered for "), "{:?}", ledger.trouble());
    // More than can be asked one after the other.
    let all = TurnFilter::default();
    let read = within_reason(join_all((0..40).map(|_| ledger.list(&all)))).await;
    let read = read.into_iter().map(|own| own.map(|_| Begun::Refused));
    for told in read.chain([within_reason(writes).await]) {
        let error = told.unwrap_err();
        assert!(error.to_string().ends_with("the server does not answer"), "{error}");
        assert!(error.hint().unwrap().contains("Everything goes on by itself"), "{error}");
    }
    assert_eq!(ledger.trouble().unwrap(), "the server does not answer");
    within_reason(ledger.catch_up()).await.expect("nothing was put off");
    server.go_on();
    eventually(async || ledger.trouble().is_none()).await;
    assert_eq!(ledger.standing(turn_id(&ben)).await.unwrap(), Standing::Free, "as it was told");
    assert_eq!(begin(&ledger, &ben).await, Begun::Attempt(1));
    server.hang();
    within_reason(ledger.close()).await;
}

/// Whoever writes while the server is started anew is told what became of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_of_writes_is_true_also_while_the_server_is_started_anew() {
    let Some(server) = postgres::server() else { return };
    let url = LedgerUrl::parse(&server.database().url()).unwrap();
    let ledger = Ledger::open(&url, domain::clock::Clock::system()).await.unwrap();
    // Others on the server commit, too: what it numbered before a crash it may number again.
    let others = tokio::spawn(others_commit(server.database().url()));
    let restarts = tokio::task::spawn_blocking(move || {
        for ends in [postgres::Server::crash, postgres::Server::stop, postgres::Server::crash] {
            ends(&server);
            server.start();
        }
        server
    });
    let mut told = Vec::new();
    for number in 0.. {
        let who = [0, 1, 2].map(|own| persona(&format!("anna{number}-{own}")));
        told.extend(join_all(who.into_iter().map(async |who| (try_begin(&ledger, &who).await, who))).await);
        if restarts.is_finished() {
            break;
        }
    }
    let _server = restarts.await.unwrap();
    others.abort();
    for (told, who) in told {
        let is = ledger.standing(turn_id(&who)).await.unwrap();
        match told {
            Ok(told) => assert_eq!((told, is), (Begun::Attempt(1), Standing::Running)),
            Err(error) if error.to_string().contains("cannot be asked") => {}
            Err(error) => assert_eq!(is, Standing::Free, "{error}"),
        }
    }
    begin(&ledger, &persona("anna")).await;
    let all = TurnFilter { limit: Some(1_000_000), ..TurnFilter::default() };
    let doubled = ledger.list(&all).await.unwrap().into_iter().filter(|own| own.attempt != 1).count();
    assert_eq!(doubled, 0);
    ledger.close().await;
}

/// Who has lost the ledger to another process does not write any more when that has gone: what it wrote is not known here.
#[tokio::test]
async fn who_was_followed_by_another_writes_no_more() {
    let Some(shelf) = shelf() else { return };
    let ledger = shelf.open().await;
    begin(&ledger, &persona("anna")).await;
    shelf.database().hang_up();
    let Ok(other) = shelf.try_open().await else {
        // It was quicker to look.
        return;
    };
    for _ in 0..2 {
        let refused = try_begin(&ledger, &persona("ben")).await.unwrap_err();
        assert!(refused.to_string().contains("another persona-host writes to it"), "{refused}");
    }
    other.close().await;
    drop(other);
    for _ in 0..2 {
        let refused = try_begin(&ledger, &persona("ben")).await.unwrap_err();
        assert!(refused.to_string().contains("has written to it since"), "{refused}");
    }
}

async fn others_commit(url: String) {
    loop {
        if let Ok(mut other) = PgConnection::connect(&url).await {
            let _ = sqlx::raw_sql("CREATE TABLE IF NOT EXISTS noise (x int)").execute(&mut other).await;
            while sqlx::raw_sql("INSERT INTO noise VALUES (1)").execute(&mut other).await.is_ok() {}
        }
        tokio::task::yield_now().await;
    }
}
