//! Loading one plugin never waits for another's: not for one that never ends, and not for many of them.

use std::path::Path;

use domain::ids::GenerationNumber;
use persona_host::behavior::{Engine, EngineOptions, Trust};
use tokio::task::JoinSet;

use super::source;
use crate::support::builds;
use crate::support::house::{eventually, within_reason};
use crate::support::prover::{PROVER, instead};

/// What is smaller, in bytes, takes as long as it likes: until there is a file `go`. What it is asked about, a child is
/// told in its fourth argument.
const SMALL: usize = 1000;
/// More than there are places of any kind.
const CROWD: usize = 12;
/// More than there are quick places.
const MORE_THAN_QUICK: usize = 5;

/// An engine whose children note their number in `pids`, and are in no hurry with what is small.
fn unhurried(folder: &Path) -> Engine {
    let does = format!(
        "echo $$ >> {0}/pids\nif [ $4 -lt {SMALL} ]; then until [ -e {0}/go ]; do sleep 0.05; done; fi\nexec {PROVER} \"$@\"",
        folder.display()
    );
    let prover = Some(instead(folder, &does));
    Engine::new(&EngineOptions { prover, ..EngineOptions::default() }).unwrap()
}

/// Whether it is let in.
async fn is_good(engine: &Engine, bytes: &[u8]) -> bool {
    engine.load(&source("own", bytes), GenerationNumber(1), &Trust::default()).await.is_ok()
}

/// Loads so many that are small, and no plugins.
fn crowd(engine: &Engine, many: usize) -> JoinSet<bool> {
    let small = |number| {
        let engine = engine.clone();
        async move { is_good(&engine, &vec![b'x'; number]).await }
    };
    (1..=many).map(small).collect()
}

/// The children that were begun, and how many of them are alive.
fn children(folder: &Path) -> (usize, usize) {
    let pids = std::fs::read_to_string(folder.join("pids")).unwrap_or_default();
    let is_alive = |pid: &&str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    (pids.lines().count(), pids.lines().filter(is_alive).count())
}

#[tokio::test]
async fn a_good_build_is_loaded_beside_many_that_never_end() {
    let folder = tempfile::tempdir().unwrap();
    let engine = unhurried(folder.path());
    let _crowd = crowd(&engine, MORE_THAN_QUICK);
    eventually(async || children(folder.path()).0 >= 3).await;
    assert!(within_reason(is_good(&engine, &builds::good(1))).await);
}

#[tokio::test]
async fn of_many_that_take_long_one_is_there_at_a_time_and_each_has_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = unhurried(folder.path());
    let mut crowd = crowd(&engine, CROWD);
    eventually(async || {
        let (begun, alive) = children(folder.path());
        begun >= CROWD && alive == 1
    })
    .await;
    std::fs::write(folder.path().join("go"), "").unwrap();
    while let Some(is_good) = within_reason(crowd.join_next()).await {
        assert!(!is_good.unwrap(), "it is no plugin, and that was found out");
    }
}
