//! What a ledger says that cannot be used: what is wrong, and what to do about just that.

use std::fs::{self, File};
use std::path::Path;

use persona_host::store::LedgerError;

use super::{Home, Shelf, begin, persona, try_begin};
use crate::support::house::eventually;

/// What is told, with what to do.
fn told(error: &LedgerError) -> String {
    format!("{error}: {}", error.hint().unwrap_or("nothing to do"))
}

fn cut(file: &Path, to: u64) {
    File::options().write(true).open(file).unwrap().set_len(to).unwrap();
}

#[tokio::test]
async fn of_a_file_it_is_told_what_is_wrong_with_it_and_what_to_do() {
    type Wrong = fn(&Path);
    let cases: [(&str, Wrong, [&str; 2]); 5] = [
        (
            "torn",
            |file| {
                let mut bytes = fs::read(file).unwrap();
                bytes[100..8192].fill(0xa5);
                fs::write(file, bytes).unwrap();
            },
            ["malformed: the ledger was damaged", "put back a copy of it"],
        ),
        (
            "cut in half",
            |file| cut(file, fs::metadata(file).unwrap().len() / 2),
            ["malformed: the ledger was damaged", "put back a copy of it"],
        ),
        ("cut short", |file| cut(file, 50), ["malformed: the ledger was damaged", "put back a copy of it"]),
        ("emptied", |file| cut(file, 0), ["is an empty file: if a ledger was there", "remove the file"]),
        (
            "another's",
            |file| {
                fs::write(file, "these are my notes, and they are long enough to be read ".repeat(9)).unwrap()
            },
            ["file is not a database: it was not changed", "must name a file that persona-host made"],
        ),
    ];
    for (name, goes_wrong, words) in cases {
        let shelf = Shelf::at(Home::File);
        let ledger = shelf.open().await;
        for number in 0..200 {
            begin(&ledger, &persona(&format!("persona-{number}"))).await;
        }
        ledger.close().await;
        drop(ledger);
        // Its last connections are closed beside us, and who is the last leaves one file.
        let log = shelf.path().with_extension("db-wal");
        eventually(async || {
            shelf.meddle("SELECT count(*) FROM turns").await;
            !log.exists()
        })
        .await;
        goes_wrong(&shelf.path());
        let wrong = fs::read(shelf.path()).unwrap();
        for refused in [shelf.try_open().await, shelf.open_existing().await] {
            let told = told(&refused.expect_err(name));
            assert!(words.iter().all(|words| told.contains(words)), "{name}: {told}");
        }
        if let Err(refused) = shelf.open_to_read().await {
            let told = told(&refused);
            assert!(words.iter().all(|words| told.contains(words)), "{name}, to read: {told}");
        }
        assert!(
            name == "cut in half" || fs::read(shelf.path()).unwrap() == wrong,
            "{name}: it is left as it is"
        );
    }
}

#[tokio::test]
async fn a_new_ledger_is_begun_where_the_old_one_was_removed_or_where_one_never_came_to_be() {
    let shelf = Shelf::at(Home::File);
    fs::write(shelf.path(), "").unwrap();
    shelf.open().await.close().await;
    fs::remove_file(shelf.path()).unwrap();
    shelf.open().await.close().await;
}

#[tokio::test]
async fn of_a_server_it_is_told_what_it_refuses_and_what_to_do() {
    if peers::postgres::is_left_out() {
        return;
    }
    for (name, goes_wrong, words) in [
        (
            "read only",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$",
            ["in a read-only transaction: may the user of store.url", "a standby is read-only"],
        ),
        (
            "without its tables",
            "DROP SCHEMA persona_host CASCADE",
            ["does not exist: the ledger was damaged", "put back a copy"],
        ),
        (
            "without a right",
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'permission denied for table turns'; END $$;
             CREATE TRIGGER refused BEFORE INSERT ON turns FOR EACH ROW EXECUTE FUNCTION refuse()",
            ["permission denied for table turns: may the user of store.url", "change the tables"],
        ),
    ] {
        let shelf = Shelf::at(Home::Server);
        let ledger = shelf.open().await;
        begin(&ledger, &persona("anna")).await;
        shelf.meddle(goes_wrong).await;
        shelf.database().hang_up();
        let told = told(&try_begin(&ledger, &persona("ben")).await.expect_err(name)).to_lowercase();
        assert!(words.iter().all(|words| told.contains(words)), "{name}: {told}");
        assert!(ledger.trouble().is_some(), "{name}");
    }
}
