//! Who else may open a ledger.

use persona_host::store::{Ledger, LedgerError, LedgerUrl, TurnFilter};

use super::{Home, Shelf, begin, on_both_databases, persona, try_begin};
use crate::support::house::eventually;

on_both_databases! {
    a_second_writer_is_told_so_and_a_reader_is_let_in
    a_reader_sees_what_is_committed_while_another_process_writes
    a_ledger_of_a_newer_version_is_refused_with_what_to_do
}

async fn a_second_writer_is_told_so_and_a_reader_is_let_in(home: Home) {
    let shelf = Shelf::at(home);
    for missing in [shelf.open_to_read().await, shelf.open_existing().await] {
        let missing = missing.expect_err("nothing is there");
        assert!(matches!(missing, LedgerError::Missing { .. }), "{missing}");
    }
    let first = shelf.open().await;
    for second in [shelf.try_open().await, shelf.open_existing().await] {
        let second = second.expect_err("it is in use");
        assert!(matches!(second, LedgerError::InUse { .. }), "{second}");
    }
    shelf.open_to_read().await.expect("reads beside the writer");
    begin(&first, &persona("anna")).await;
    drop(first);
    // A process that another test starts at this moment holds a file's lock too, from its fork to its exec.
    let opened = async || !matches!(shelf.try_open().await, Err(LedgerError::InUse { .. }));
    eventually(opened).await;
}

async fn a_reader_sees_what_is_committed_while_another_process_writes(home: Home) {
    let shelf = Shelf::at(home);
    let ledger = shelf.open().await;
    begin(&ledger, &persona("anna")).await;
    let reader = shelf.open_to_read().await.unwrap();
    begin(&ledger, &persona("ben")).await;
    assert_eq!(reader.list(&TurnFilter::default()).await.unwrap().len(), 2);
    assert!(reader.size().await.unwrap() > 10_000, "it takes room");
}

async fn a_ledger_of_a_newer_version_is_refused_with_what_to_do(home: Home) {
    let shelf = Shelf::at(home);
    shelf.open().await.close().await;
    let zero = if home == Home::File { "x'00'" } else { r"'\x00'" };
    shelf
        .meddle(&format!(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from tomorrow', true, {zero}, 0)"
        ))
        .await;
    let words = format!(
        "the ledger {} was written by a newer persona-host: use that version, or another ledger",
        shelf.url()
    );
    let refused = shelf.try_open().await.unwrap_err().to_string();
    assert_eq!(refused, words);
    let reading = shelf.open_to_read().await.unwrap_err().to_string();
    assert_eq!(reading, words, "reading it would misread it");
}

#[tokio::test]
async fn no_word_of_a_ledger_on_a_server_has_its_password() {
    if peers::postgres::is_left_out() {
        return;
    }
    let shelf = Shelf::at(Home::Server);
    let secret = |url: String| url.replace("postgres@localhost", "postgres:hunter2@localhost");
    let url = secret(shelf.database().url());
    let open = async |url: &str| Ledger::open(&LedgerUrl::parse(url).unwrap(), shelf.clock.clone()).await;
    let ledger = open(&url).await.unwrap();
    let mut words = vec![format!("{ledger:?} {} {:?}", ledger.url(), ledger.url())];
    let nowhere = "postgres://anna:hunter2@127.0.0.1:1/mana".to_owned();
    let unknown = url.replace("/test_", "/unknown_");
    let nobody = url.replace("postgres:hunter2", "nobody:hunter2");
    for refused in [url.clone(), nowhere, unknown, nobody, format!("{url}&sslmode=require")] {
        let error = open(&refused).await.unwrap_err();
        assert!(error.to_string().contains("postgres://"), "{error}: it says which ledger");
        words.push(format!("{error} {error:?} {:?}", error.hint()));
    }
    shelf.meddle("DROP SCHEMA persona_host CASCADE").await;
    let error = try_begin(&ledger, &persona("anna")).await.unwrap_err();
    words.push(format!("{error} {error:?} {:?}", ledger.trouble()));
    assert!(words.iter().all(|own| !own.contains("hunter2")), "{words:#?}");
}
