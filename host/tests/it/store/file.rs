//! The ledger's file: who else may read it.

use persona_host::store::{Ledger, TurnFilter};

use super::{Shelf, begin, persona, url};

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
