//! A ledger whose file goes away under the program that writes it: what would be written is found by nobody.

use std::fs;
use std::path::{Path, PathBuf};

use persona_host::store::{Begun, Standing};

use super::{Home, Shelf, begin, persona, try_begin, turn_id};
use crate::support::house::eventually;

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[tokio::test]
async fn what_is_moved_away_takes_nothing_until_it_is_back() {
    type Way = fn(&Path) -> PathBuf;
    let ways: [(&str, Way); 3] = [
        ("ledger.db is not there any more", |file| file.to_owned()),
        ("ledger.db-wal is not there any more", |file| beside(file, "-wal")),
        ("ledger.db is not there any more", |file| file.parent().unwrap().to_owned()),
    ];
    for (words, moves) in ways {
        let shelf = Shelf::at(Home::File);
        let ledger = shelf.open().await;
        begin(&ledger, &persona("anna")).await;
        let place = moves(&shelf.path());
        let elsewhere = beside(&place, ".elsewhere");
        for name in ["ben", "kai"] {
            fs::rename(&place, &elsewhere).unwrap();
            let refused = try_begin(&ledger, &persona(name)).await.unwrap_err();
            assert!(refused.to_string().ends_with(words), "{refused}");
            assert!(refused.hint().unwrap().starts_with("put it back"), "{refused}");
            assert!(ledger.trouble().unwrap().ends_with(words), "{words}");
            fs::rename(&elsewhere, &place).unwrap();
            assert_eq!(ledger.standing(turn_id(&persona(name))).await.unwrap(), Standing::Free, "{words}");
            assert_eq!(begin(&ledger, &persona(name)).await, Begun::Attempt(1), "{words}");
            assert_eq!(ledger.trouble(), None, "{words}");
        }
        ledger.close().await;
    }
}

#[tokio::test]
async fn another_file_in_its_place_is_not_taken_for_it_however_alike_it_is() {
    let shelf = Shelf::at(Home::File);
    let ledger = shelf.open().await;
    begin(&ledger, &persona("anna")).await;
    let copy = beside(&shelf.path(), ".copy");
    fs::copy(shelf.path(), &copy).unwrap();
    fs::rename(&copy, shelf.path()).unwrap();
    for name in ["ben", "kai"] {
        let refused = try_begin(&ledger, &persona(name)).await.unwrap_err();
        assert!(refused.to_string().contains("another file is in the place of "), "{refused}");
        assert!(refused.hint().unwrap().contains("start persona-host anew"), "{refused}");
    }
}

#[tokio::test]
async fn it_is_noticed_while_nobody_writes_also_that_it_is_back() {
    let shelf = Shelf::at(Home::File);
    let ledger = shelf.open().await;
    let elsewhere = beside(&shelf.path(), ".elsewhere");
    fs::rename(shelf.path(), &elsewhere).unwrap();
    eventually(async || ledger.trouble().is_some()).await;
    fs::rename(&elsewhere, shelf.path()).unwrap();
    eventually(async || ledger.trouble().is_none()).await;
}
