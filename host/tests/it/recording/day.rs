//! A whole day, once with the neighbours and once without.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Column as _, ConnectOptions as _, Row as _, TypeInfo as _, ValueRef as _};

use super::{Silence, essence, keyless, ledger_of, lines, town};
use crate::commands::Shell;

/// What of a ledger is measured, or is when a row was written.
const MEASURED: [&str; 12] = [
    "started_at",
    "ended_at",
    "begun_at",
    "latency_ms",
    "next_try_at",
    "delivered_at",
    "pinned_at",
    "commits",
    "since",
    "installed_on",
    "execution_time",
    "at",
];
/// The tables that hold what came of a turn, and what puts their rows in order.
const TABLES: [(&str, &str); 9] = [
    ("identity", "id"),
    ("turns", "id"),
    ("attempts", "turn, number"),
    ("actions", "turn, position"),
    ("ratings", "turn, module"),
    ("usage", "turn, attempt, key"),
    ("memories", "persona, strategy"),
    ("contexts", "turn"),
    ("tool_pins", "server, tool"),
];

/// A row as text, without what is measured.
fn told(row: &SqliteRow) -> String {
    let cells = row.columns().iter().enumerate().filter(|(_, column)| {
        let name = column.name();
        // The number of a step is the order in which several turns were written.
        !MEASURED.contains(&name) && name != "step"
    });
    let cell = |(place, column): (usize, &sqlx::sqlite::SqliteColumn)| {
        let value = row.try_get_raw(place).unwrap();
        let text = match (value.is_null(), value.type_info().name()) {
            (true, _) => "null".to_owned(),
            (false, "INTEGER") => row.get::<i64, _>(place).to_string(),
            _ => row.get::<String, _>(place),
        };
        format!("{}={text}", column.name())
    };
    cells.map(cell).collect::<Vec<_>>().join(" ")
}

#[tokio::main(flavor = "current_thread")]
async fn rows(ledger: &Path) -> Vec<(String, Vec<String>)> {
    let mut database = SqliteConnectOptions::new().filename(ledger).read_only(true).connect().await.unwrap();
    let mut all = Vec::new();
    for (table, order) in TABLES {
        let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM {table} ORDER BY {order}"));
        let rows = sqlx::query(sql).fetch_all(&mut database).await.unwrap();
        all.push((table.to_owned(), rows.iter().map(told).collect()));
    }
    all
}

#[test]
fn a_day_of_ten_personas_is_the_same_with_nobody_there() {
    let shell = Shell::new().with("PERSONA_CONCURRENCY", "10");
    let recorded = shell.document("demo --once --record tape", 0);
    let folders: Vec<_> = std::fs::read_dir(shell.path("persona-host-demo")).unwrap().collect();
    let ledger = folders[0].as_ref().unwrap().path().join("ledger.db");
    let shell = keyless(shell);
    let replayed = shell.document("tick --replay tape", 0);
    assert_eq!(essence(replayed), essence(recorded));

    let said = shell.call("tick --replay tape");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.starts_with("replay of `demo` of "), "{}", said.stderr);
    let all = lines(&shell, "tape").iter().filter(|line| line["kind"] == "exchange").count();
    assert!(
        said.stderr.contains(&format!("{all} of {all} exchanges of tape were played")),
        "{}",
        said.stderr
    );
    let (before, after) = (rows(&ledger), rows(&ledger_of(&said)));
    assert_eq!(before.iter().find(|(table, _)| table == "turns").unwrap().1.len(), 10);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_day_stands_on_what_was_remembered_and_a_replay_asks_nobody() {
    let (stack, shell) = town(&["anna", "ben"], |_| {}).await;
    shell.document("tick", 0);
    // Everybody is due again.
    stack
        .database()
        .execute("UPDATE auth.personas SET last_active_at = '2020-01-01T00:00:00Z'", &[])
        .await
        .unwrap();
    let said = shell.call("tick --record tape");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.stderr.contains("tape has ") && said.stderr.contains(" tick --replay tape"),
        "{}",
        said.stderr
    );
    let remembered = |line: &Value| line.to_string().contains("Danach hast du gesagt");
    assert!(lines(&shell, "tape").iter().any(remembered), "the prompts tell what was before");
    let modes = |shell: &Shell| {
        let folder = shell.path("tape");
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let all: Vec<_> = std::iter::once(folder.clone()).chain(files).collect();
        all.iter().map(|path| path.metadata().unwrap().permissions().mode() & 0o777).collect::<Vec<_>>()
    };
    assert_eq!(modes(&shell), [0o700, 0o600, 0o600, 0o600]);

    let silence = Silence::after(stack).await;
    // Their addresses and keys are still set, and nobody is asked all the same.
    let own = std::fs::read(shell.path("persona-host.db")).unwrap();
    let replayed = shell.call("tick --replay tape");
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let table = |said: &str| {
        said.lines().filter(|line| line.contains("@mana.test")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(table(&replayed.stdout), table(&said.stdout));
    assert!(silence.is_unbroken());
    assert!(
        std::fs::read(shell.path("persona-host.db")).unwrap() == own,
        "the operator's ledger is as it was"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_on_a_server_is_copied_into_the_recording() {
    let Some(database) = peers::postgres::database() else { return };
    let (stack, shell) = town(&["anna", "ben"], |_| {}).await;
    let shell = shell.with("PERSONA_STORE_URL", &database.url());
    shell.document("tick", 0);
    let later = "UPDATE auth.personas SET last_active_at = '2020-01-01T00:00:00Z'";
    stack.database().execute(later, &[]).await.unwrap();
    let recorded = shell.document("tick --record tape", 0);
    let silence = Silence::after(stack).await;
    let shell = keyless(shell);
    assert_eq!(essence(shell.document("tick --replay tape", 0)), essence(recorded));
    assert!(silence.is_unbroken());
    let files = std::fs::read_dir(shell.path("tape")).unwrap().count();
    assert_eq!(files, 3, "nothing else is left in it");
    let said = shell.call("tick --replay tape");
    assert_eq!(std::fs::metadata(ledger_of(&said)).unwrap().permissions().mode() & 0o777, 0o600);
    let turns = shell.document(&format!("turns list --ledger {}", ledger_of(&said).display()), 0);
    assert_eq!(turns.as_array().unwrap().len(), 4, "those of the day before are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemons_days_are_played_tick_by_tick() {
    let (stack, shell) = town(&["anna"], |_| {}).await;
    let shell = shell.with("TICK_INTERVAL_MS", "50");
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let mut daemon = shell.start("run --json --record tape");
    let ended = || daemon_has_ticked(&shell, 1);
    crate::support::house::eventually(async || ended()).await;
    stack
        .database()
        .execute("UPDATE auth.personas SET last_active_at = '2020-01-01T00:00:00Z'", &[])
        .await
        .unwrap();
    crate::support::house::eventually(async || daemon_has_ticked(&shell, 2)).await;
    assert!(daemon.logged("persona-host listens")["address"].is_string());
    assert!(daemon.terminate().success());
    let silence = Silence::after(stack).await;
    let said = keyless(shell).call("tick --replay tape");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.stdout.matches("1 of 1 personas ran, 0 failed").count(), 2, "{said:?}");
    assert!(silence.is_unbroken());
}

/// Whether so many turns have delivered what was rated.
fn daemon_has_ticked(shell: &Shell, turns: usize) -> bool {
    let text = std::fs::read_to_string(shell.path("tape/exchanges.jsonl")).unwrap_or_default();
    text.matches("/feedback\"").count() >= turns
}

#[test]
fn an_experiment_is_played_round_by_round() {
    let shell = Shell::new();
    shell.write("e.toml", crate::experiment::two_arms("e", "brief", 2));
    let recorded = shell.call("experiment run e.toml --stand-ins --record tape");
    assert_eq!(recorded.code, Some(0), "{recorded:?}");
    let shell = keyless(shell);
    let replayed = shell.call("experiment run e.toml --replay tape");
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let rounds = |said: &str| {
        said.lines().filter(|line| line.contains("round ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rounds(&replayed.stderr), rounds(&recorded.stderr));
    assert_eq!(rounds(&recorded.stderr).len(), 2);
    assert!(!replayed.stderr.contains("never asked for"), "{}", replayed.stderr);
}

/// After each tick the clock of a demo is set to the next weekday: what is looked up then is not taken for old.
#[test]
fn each_day_of_a_demo_is_played_and_nothing_is_asked_beside_them() {
    let shell = Shell::new().with("PERSONA_CONCURRENCY", "10").with("TICK_INTERVAL_MS", "3000");
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let mut demo = shell.start("demo --record tape");
    demo.said("the next tick is on");
    demo.said("the next tick is on");
    assert!(demo.interrupt().success());
    let said = shell.call("tick --replay tape");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.matches("10 of 10 personas ran, 0 failed").count() >= 2, "{said:?}");
    assert!(!said.stderr.contains("asked, and not recorded"), "{said:?}");
}
