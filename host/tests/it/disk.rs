//! A disk that is full: nothing is done that could not be written down, and when there is room again all goes
//! on by itself.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chrono::TimeDelta;
use domain::clock::Clock;
use persona_host::runner::TickError;
use persona_host::store::{Ledger, LedgerUrl, Recorded};
use serde_json::json;

use crate::http::Served;
use crate::support::house::{Blueprint, House, figures, script, within_reason};

const NAMES: [&str; 4] = ["Anna", "Ben", "Tom", "Kai"];

/// A disk of its own, in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    /// None where it cannot be had: only root may mount one.
    fn of(kib: u32) -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"], disk.0.path());
        if !mounted {
            eprintln!("left out: a disk of its own cannot be mounted here");
        }
        mounted.then_some(disk)
    }

    fn freeze(&self) {
        assert!(mount(&["-o", "remount,ro"], self.0.path()));
    }

    fn grow(&self) {
        assert!(mount(&["-o", "remount,size=64m"], self.0.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mounted = Command::new("mount").args(arguments).arg(at).output();
    mounted.is_ok_and(|output| output.status.success())
}

async fn sign_ins(house: &House) -> i64 {
    house.count("SELECT count(*) AS count FROM auth.sessions").await
}

async fn try_tick(house: &House) -> Result<(usize, usize, usize, usize), TickError> {
    within_reason(house.runner.tick(None, Duration::ZERO)).await.map(|report| figures(&report))
}

async fn all_turns(house: &House) -> Vec<Recorded> {
    let mut all = Vec::new();
    for name in NAMES {
        all.extend(house.turns(name).await);
    }
    all
}

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_begun_and_with_room_again_all_goes_on() {
    for kib in [800, 900, 1300, 2100] {
        let Some(disk) = Disk::of(kib) else { return };
        let ledger = disk.0.path().join("ledger.db");
        let house = Blueprint::of(&NAMES)
            .script(script(6, &[]))
            .config(move |config| config.store.url = format!("sqlite:{}", ledger.display()).into())
            .build()
            .await;
        let served = Served::of(house).await;
        let house = &served.house;
        // Days pass until nothing more fits.
        let mut said = None;
        for _ in 0..40 {
            if let Err(error) = try_tick(house).await {
                said = Some(format!("{error}: {}", error.hint().unwrap_or_default()));
                break;
            }
            house.later(TimeDelta::days(1));
        }
        let said = said.expect("it fills up");
        assert!(said.contains("database or disk is full: make room where the ledger is"), "{kib}: {said}");

        let (status, health) = served.get("/health").await;
        assert_eq!((status, &health["status"]), (200, &json!("degraded")), "{kib}");
        assert!(health["ledger"].as_str().unwrap().starts_with("disk full"), "{kib}: {health}");

        // Whoever begins a turn now has to sign in anew.
        house.stack.database().execute("DELETE FROM auth.sessions", &[]).await.unwrap();
        let (asked, called) = (house.stack.claude().books().total.requests, house.stack.mcp().calls());
        for _ in 0..20 {
            house.later(TimeDelta::hours(1));
            try_tick(house).await.expect_err("it is still full");
        }
        assert_eq!(sign_ins(house).await, 0, "{kib}: nobody signs in");
        assert_eq!(house.stack.claude().books().total.requests, asked, "{kib}: nothing is paid for");
        assert_eq!(house.stack.mcp().calls(), called, "{kib}: nothing is done");

        disk.grow();
        house.later(TimeDelta::days(3));
        for _ in 0..3 {
            try_tick(house).await.unwrap_or_else(|error| panic!("{kib}: there is room again: {error}"));
            house.later(TimeDelta::hours(2));
        }
        let health = served.get("/health").await.1;
        assert_eq!((&health["status"], &health["ledger"]), (&json!("ok"), &json!(null)), "{kib}");
        let turns = all_turns(house).await;
        let calls = turns.iter().flat_map(|turn| &turn.steps).filter(|step| step.key.len() == 11).count();
        let came = usize::try_from(house.stack.mcp().calls()).unwrap();
        assert_eq!(calls, came, "{kib}: each call that mana-mcp received is journaled");
        let actions: usize = turns.iter().map(|turn| turn.actions.len()).sum();
        assert_eq!(actions, calls, "{kib}: what was done is kept");
        let mut arrived = 0;
        for name in NAMES {
            arrived += house.actions(name).await.iter().filter(|row| row.tool != "__idle").count();
        }
        assert_eq!(arrived, actions, "{kib}: and has arrived");
        assert!(turns.iter().all(|turn| turn.summary.outcome != "running"), "{kib}");
    }
}

#[tokio::test]
async fn a_ledger_on_a_disk_that_is_mounted_read_only_says_so() {
    let Some(disk) = Disk::of(4000) else { return };
    let url = LedgerUrl::of_file(&disk.0.path().join("ledger.db"));
    Ledger::open(&url, Clock::system()).await.unwrap().close().await;
    disk.freeze();
    let refused = Ledger::open(&url, Clock::system()).await.unwrap_err();
    assert!(refused.to_string().contains("Read-only file system"), "{refused}");
    assert!(refused.hint().unwrap().contains("is mounted read-only"), "{refused}");
}

#[tokio::test]
async fn while_the_ledger_is_somewhere_else_nothing_is_begun_and_when_it_is_back_all_goes_on() {
    let served = Served::of(Blueprint::of(&NAMES).script(script(6, &[])).build().await).await;
    let house = &served.house;
    assert_eq!(try_tick(house).await.unwrap(), (4, 4, 0, 0));
    house.later(TimeDelta::days(1));
    house.stack.database().execute("DELETE FROM auth.sessions", &[]).await.unwrap();
    let (asked, called) = (house.stack.claude().books().total.requests, house.stack.mcp().calls());
    let elsewhere = house.ledger_path().with_extension("elsewhere");
    std::fs::rename(house.ledger_path(), &elsewhere).unwrap();
    for _ in 0..3 {
        let error = try_tick(house).await.unwrap_err();
        assert!(error.to_string().ends_with("is not there any more"), "{error}");
        assert!(error.hint().unwrap().starts_with("put it back"), "{error}");
    }
    let health = served.get("/health").await.1;
    assert_eq!(health["status"], "degraded");
    assert!(health["ledger"].as_str().unwrap().ends_with("is not there any more"), "{health}");
    assert_eq!(sign_ins(house).await, 0, "nobody signs in");
    assert_eq!(house.stack.claude().books().total.requests, asked, "nothing is paid for");
    assert_eq!(house.stack.mcp().calls(), called, "nothing is done");
    std::fs::rename(&elsewhere, house.ledger_path()).unwrap();
    assert_eq!(try_tick(house).await.unwrap(), (4, 4, 0, 0));
    assert_eq!(served.get("/health").await.1["status"], "ok");
}
