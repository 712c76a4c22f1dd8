//! A ledger in a file: who may read it, and what it is when it is older or damaged.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use persona_host::store::{Ledger, LedgerUrl, TurnFilter};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Home, Shelf, begin, persona};

#[tokio::test]
async fn only_its_owner_reads_a_ledger_also_one_that_others_could_read_before() {
    let shelf = Shelf::at(Home::File);
    std::fs::write(shelf.path(), "").unwrap();
    std::fs::set_permissions(shelf.path(), Permissions::from_mode(0o644)).unwrap();
    let ledger = shelf.open().await;
    begin(&ledger, &persona("anna")).await;
    let files = std::fs::read_dir(shelf.path().parent().unwrap()).unwrap().map(Result::unwrap);
    let modes: BTreeMap<String, u32> = files
        .map(|file| {
            (file.file_name().into_string().unwrap(), file.metadata().unwrap().permissions().mode() & 0o777)
        })
        .collect();
    let expected = ["ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.db.lock"];
    assert_eq!(modes, expected.map(|name| (name.to_owned(), 0o600)).into());
}

#[tokio::test]
async fn a_copy_of_an_older_ledger_is_kept_as_it_was_before_it_is_brought_up_to_date() {
    let shelf = Shelf::at(Home::File);
    older(&shelf.path()).await;
    let before = rows(&shelf.path()).await;
    let ledger = shelf.open().await;
    assert_eq!(ledger.list(&TurnFilter::default()).await.unwrap().len(), 1, "it is brought up to date");
    let copy = shelf.path().with_extension("db.version-2");
    assert_eq!(rows(&copy).await, before);
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    drop(ledger);
    let words =
        Ledger::open_to_read(&LedgerUrl::of_file(&copy), shelf.clock.clone()).await.unwrap_err().to_string();
    assert!(words.contains("was written by an older persona-host"), "{words}");
}

#[tokio::test]
async fn without_room_for_a_copy_nothing_is_changed() {
    let shelf = Shelf::at(Home::File);
    older(&shelf.path()).await;
    let before = rows(&shelf.path()).await;
    // A folder in the place of the copy that is being made.
    std::fs::create_dir_all(shelf.path().with_extension("db.version-2.half").join("in the way")).unwrap();
    let refused = shelf.try_open().await.unwrap_err();
    assert!(refused.to_string().contains("no copy of it can be made at"), "{refused}");
    assert!(refused.hint().unwrap().contains("nothing was changed"), "{refused}");
    assert_eq!(rows(&shelf.path()).await, before);
}

#[tokio::test]
async fn a_damaged_ledger_and_a_folder_that_cannot_be_written_are_told_at_the_start() {
    let shelf = Shelf::at(Home::File);
    let ledger = shelf.open().await;
    for number in 0..200 {
        begin(&ledger, &persona(&format!("persona-{number}"))).await;
    }
    ledger.close().await;
    drop(ledger);
    let whole = std::fs::read(shelf.path()).unwrap();
    let mut torn = whole.clone();
    torn[100..8192].fill(0xa5);
    std::fs::write(shelf.path(), torn).unwrap();
    let refused = shelf.try_open().await.unwrap_err();
    assert!(refused.to_string().contains("malformed"), "{refused}");
    assert!(refused.hint().unwrap().contains("integrity_check"), "{refused}");

    // Root writes everywhere: a file stands where the folder should be.
    let blocked = shelf.path().with_extension("file");
    std::fs::write(&blocked, "").unwrap();
    let refused =
        Ledger::open(&LedgerUrl::of_file(&blocked.join("ledger.db")), shelf.clock.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be created"), "{refused}");
    assert!(refused.hint().unwrap().contains("store.url"), "{refused}");
}

#[tokio::test]
async fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    let shelf = Shelf::at(Home::File);
    let options = SqliteConnectOptions::new().filename(shelf.path()).create_if_missing(true);
    let mut other = options.connect().await.unwrap();
    sqlx::query("CREATE TABLE notes (x)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    std::fs::set_permissions(shelf.path(), Permissions::from_mode(0o644)).unwrap();
    let before = std::fs::read(shelf.path()).unwrap();
    let refused = shelf.try_open().await.unwrap_err();
    assert!(refused.to_string().contains("is the database of another program"), "{refused}");
    assert_eq!(std::fs::read(shelf.path()).unwrap(), before);
    assert_eq!(std::fs::metadata(shelf.path()).unwrap().permissions().mode() & 0o777, 0o644);
}

/// A ledger as the second version made it, with a turn.
async fn older(path: &Path) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations/sqlite");
    let mut migrator = Migrator::new(Path::new(folder)).await.unwrap();
    let mut migrations = migrator.migrations.into_owned();
    migrations.sort_by_key(|migration| migration.version);
    migrations.truncate(2);
    migrator.migrations = migrations.into();
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    migrator.run(&mut connection).await.unwrap();
    let turn = "INSERT INTO turns (id, persona, email, archetype, slot, state, attempt, started_at, ended_at)
        VALUES ('00000000-0000-8000-8000-000000000001', 'anna', 'anna@mana.test', 'solo-dev', 'first', 'idle', 1, 1, 2)";
    sqlx::query(turn).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// What a ledger holds, schema included.
async fn rows(path: &Path) -> Vec<String> {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let sql = "SELECT coalesce(sql, '') FROM sqlite_master UNION ALL SELECT id || state FROM turns
        UNION ALL SELECT version || description FROM _sqlx_migrations";
    let mut rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.sort();
    rows
}
