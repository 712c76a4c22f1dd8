//! The loop watches the folder itself: however a build is saved, it goes live once, whole.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use domain::event::Event;
use domain::ids::{PluginName, Sha256Hex};
use persona_host::behavior::{LoadStage, Watch, WatchMode};
use persona_host::config::{Config, Watching};
use tokio::sync::broadcast::Receiver;

use crate::support::builds::{built_in, good, numbered};
use crate::support::house::{Blueprint, House, Lively, next, within_reason};

async fn house(configure: impl FnOnce(&mut Config) + 'static) -> House {
    Blueprint::of(&[]).own_plugin(good(1)).config(configure).build().await
}

fn file(lively: &Lively) -> PathBuf {
    lively.house.config.plugins.dir.join("own.wasm")
}

/// What is told next of a build: the digest of one that went live, or the stage that refused one.
async fn told(events: &mut Receiver<Event>) -> Result<Sha256Hex, &'static str> {
    next(events, |event| match event {
        Event::PluginLoaded { sha256, .. } => Some(Ok(sha256.clone())),
        Event::PluginRefused { stage, .. } => Some(Err(*stage)),
        _ => None,
    })
    .await
}

fn live(build: &[u8]) -> Result<Sha256Hex, &'static str> {
    Ok(Sha256Hex::of(build))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_noticed_whether_it_is_renamed_or_written_over_the_old_one() {
    let mut lively = house(|_| {}).await.lively(false).await;
    for number in [2, 4] {
        lively.house.save(&good(number));
        assert_eq!(told(&mut lively.events).await, live(&good(number)), "renamed");
        std::fs::write(file(&lively), good(number + 1)).unwrap();
        assert_eq!(told(&mut lively.events).await, live(&good(number + 1)), "written over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_between_the_start_and_the_watch_does_not_wait_for_the_rescan() {
    let house = house(|_| {}).await;
    house.save(&good(2));
    let mut lively = house.lively(false).await;
    // Far less than the minute until the rescan; nothing tells the watch of this one.
    assert_eq!(told(&mut lively.events).await, live(&good(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_saves_in_a_row_are_one_reload_of_the_last() {
    // Long enough for a busy machine: between two of these saves is nothing to wait for.
    let mut lively =
        house(|config| config.plugins.debounce = Duration::from_millis(700)).await.lively(false).await;
    lively.house.save(&good(2));
    lively.house.save(&good(3));
    assert_eq!(told(&mut lively.events).await, live(&good(3)), "two within 50 ms");
    for number in 4..20 {
        std::fs::write(file(&lively), good(number)).unwrap();
    }
    assert_eq!(told(&mut lively.events).await, live(&good(19)), "and nothing between");
    lively.house.save(&good(3));
    lively.house.save(b"no plugin at all");
    lively.house.save(&good(20));
    assert_eq!(told(&mut lively.events).await, live(&good(20)), "a bad one that is corrected at once");
    assert_eq!(lively.house.own().generations.len(), 4, "nothing else was ever tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_saved_again_is_no_reload() {
    let mut lively = house(|_| {}).await.lively(false).await;
    for _ in 0..3 {
        lively.house.save(&good(1));
        std::fs::write(file(&lively), good(1)).unwrap();
    }
    lively.house.save(&good(2));
    assert_eq!(told(&mut lively.events).await, live(&good(2)));
    assert_eq!(lively.house.own().generations.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_slowly_is_refused_once_at_most_and_live_in_the_end() {
    let mut lively = house(|_| {}).await.lively(false).await;
    let build = good(2);
    let (half, rest) = build.split_at(build.len() / 2);
    // Whoever writes pauses for as long as it takes the host to look: half a build is no build.
    let mut writing = File::create(file(&lively)).unwrap();
    writing.write_all(half).unwrap();
    writing.sync_all().unwrap();
    assert_eq!(told(&mut lively.events).await, Err(LoadStage::Contract.name()));
    assert_eq!(lively.house.own().serving.unwrap().0, 1, "the build before serves on");
    writing.write_all(rest).unwrap();
    drop(writing);
    assert_eq!(told(&mut lively.events).await, live(&build));
    assert_eq!(lively.house.own().generations.len(), 3, "good, half, good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_compared_where_the_system_tells_nothing() {
    let mut lively = house(|config| config.plugins.watch = Watching::Poll).await.lively(false).await;
    lively.house.save(&good(2));
    assert_eq!(told(&mut lively.events).await, live(&good(2)));
    std::fs::write(file(&lively), [&good(3)[..], &[0, 2, 1, b'x']].concat()).unwrap();
    assert!(told(&mut lively.events).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_made_later_is_found_by_the_next_rescan() {
    let house = Blueprint::of(&[])
        .config(|config| config.plugins.dir = config.plugins.dir.join("later"))
        .build()
        .await;
    let mut lively = house.lively(false).await;
    let dir = &lively.house.config.plugins.dir;
    let build = numbered(&built_in("brief"), 1);
    std::fs::create_dir(dir).unwrap();
    std::fs::write(dir.join("brief.wasm"), &build).unwrap();
    // What the loop does once a minute.
    within_reason(lively.house.runner.reloader().rescan()).await;
    assert_eq!(told(&mut lively.events).await, live(&build));
    let own = PluginName::new("brief");
    let current = lively.house.runner.deps().registry.current(&own).unwrap();
    assert_eq!(current.number().0, 2, "the one that is built in was the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_takes_the_place_of_another_is_watched_at_once() {
    let mut lively = house(|_| {}).await.lively(false).await;
    let dir = lively.house.config.plugins.dir.clone();
    for number in [2, 4] {
        // As a release is put there: prepared beside, then renamed.
        let [beside, before] = ["beside", "before"].map(|name| dir.with_extension(format!("{name}{number}")));
        std::fs::create_dir(&beside).unwrap();
        std::fs::write(beside.join("own.wasm"), good(number)).unwrap();
        std::fs::rename(&dir, before).unwrap();
        std::fs::rename(beside, &dir).unwrap();
        assert_eq!(told(&mut lively.events).await, live(&good(number)));
        lively.house.save(&good(number + 1));
        assert_eq!(told(&mut lively.events).await, live(&good(number + 1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_begins_with_its_folder_and_outlives_it() {
    for mode in [WatchMode::Notify, WatchMode::Poll] {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("plugins");
        let (watch, mut changes) = Watch::new(folder.clone(), mode, Duration::from_millis(1));
        assert!(!watch.is_active(), "{mode:?}: there is nothing to watch");
        for round in 0..3 {
            std::fs::create_dir(&folder).unwrap();
            watch.renew().await;
            assert!(watch.is_active(), "{mode:?}, round {round}");
            // What was told before is no answer.
            while changes.try_recv().is_ok() {}
            std::fs::write(folder.join("own.wasm"), good(round)).unwrap();
            within_reason(changes.recv()).await.unwrap();
            // Another folder takes its place between two looks, as when a release is put there.
            std::fs::rename(&folder, parent.path().join(round.to_string())).unwrap();
        }
        watch.renew().await;
        assert!(!watch.is_active(), "{mode:?}: it is gone");
    }
}
