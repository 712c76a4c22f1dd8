//! One build takes the place of another, or does not.

use std::io::Write as _;

use domain::event::Event;
use domain::ids::{GenerationNumber, Sha256Hex};
use persona_host::behavior::{BuildState, LoadStage};
use tokio::sync::broadcast::Receiver;

use crate::support::builds::{built_in, good, misfit, numbered, renamed};
use crate::support::house::{Blueprint, House, figures, next, script, within_reason};

async fn house() -> House {
    Blueprint::of(&["Anna"]).script(script(2, &[])).own_plugin(good(1)).build().await
}

fn serving(house: &House) -> Option<u64> {
    house.own().serving.map(|GenerationNumber(number)| number)
}

/// The refusals that were told since the last look.
fn refusals(events: &mut Receiver<Event>) -> Vec<Event> {
    let told = std::iter::from_fn(|| events.try_recv().ok());
    told.filter(|event| matches!(event, Event::PluginRefused { .. })).collect()
}

#[tokio::test]
async fn a_build_that_is_saved_serves_the_next_turn() {
    let house = house().await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    house.reload(&good(2)).await;
    house.later(chrono::TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    let turns = house.turns("Anna").await;
    let served = |turn: &persona_host::store::Recorded| {
        let summary = &turn.summary;
        (summary.generation, summary.plugin_sha256.clone().unwrap(), summary.served_as.clone().unwrap())
    };
    let own = house.own();
    let digest = |index: usize| own.generations[index].sha256.as_ref().unwrap().to_string();
    assert_eq!(served(&turns[0]), (Some(2), digest(0), "live".to_owned()));
    assert_eq!(served(&turns[1]), (Some(1), digest(1), "live".to_owned()));
    assert_ne!(digest(0), digest(1));
    let states: Vec<BuildState> = own.generations.iter().map(|build| build.state).collect();
    assert_eq!(states, [BuildState::Serving, BuildState::Retired]);
    assert_eq!(own.generations[0].figures.calls, 3, "compose, compose, parse");
    assert!(own.generations[0].figures.p50_us > 0 && own.generations[0].figures.memory_peak > 0);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_build_the_live_one_serves_on_and_it_is_told_once() {
    let house = house().await;
    let mut events = house.runner.deps().events.listen();
    let daily = built_in("daily");
    let behavior = "persona:behavior/behavior@0.1.0";
    let mut told = String::new();
    for (bytes, stage) in [
        (b"".to_vec(), LoadStage::Contract),
        (b"fn main() {}".to_vec(), LoadStage::Contract),
        (b"\0asm\x01\0\0\0".to_vec(), LoadStage::Contract),
        (b"\x7fELF\x02\x01\x01".to_vec(), LoadStage::Contract),
        (daily[..daily.len() / 2].to_vec(), LoadStage::Contract),
        (renamed(&daily, behavior, "persona:behavior/behavior@0.2.0"), LoadStage::Contract),
        (renamed(&daily, behavior, "persona:behavior/behavior@0.0.9"), LoadStage::Contract),
        (renamed(&daily, "weekdays", "weekends"), LoadStage::Describe),
        (misfit("loop-in-describe"), LoadStage::Describe),
        (misfit("panic-in-describe"), LoadStage::Describe),
        (misfit("refuse"), LoadStage::Settings),
    ] {
        house.reload(&bytes).await;
        // The same once more, as after a second save: nothing new.
        house.reload(&bytes).await;
        assert_eq!(serving(&house), Some(1));
        let refused = refusals(&mut events);
        let [Event::PluginRefused { plugin, stage: told_stage, cause, hint, still_serving }] = &refused[..]
        else {
            panic!("told once: {refused:?}")
        };
        assert_eq!(*told_stage, stage.name(), "{cause}");
        assert_eq!(still_serving.as_deref(), Some("0.1.0, generation 1"));
        told += &format!("{plugin}, stage {told_stage}\n  {}\n  fix: {hint}\n", cause.replace('\n', "\n  "));
    }
    insta::with_settings!({ filters => vec![
        (r"at byte \d+ of \d+", "at byte [n] of [n]"),
        (r"(0x[0-9a-f]+|<unknown>|\.rs:\d+:\d+)", "[place]"),
        (r"(?m)^  it was in:\n(    .*\n)*", "  it was in: [functions]\n"),
    ] }, { insta::assert_snapshot!(told) });
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    house.reload(&good(2)).await;
    assert_eq!(serving(&house), Some(13), "each try has a number; good after bad goes live");
}

#[tokio::test]
async fn a_file_that_is_touched_is_the_same_build() {
    let house = house().await;
    let mut events = house.runner.deps().events.listen();
    for _ in 0..3 {
        house.reload(&good(1)).await;
    }
    assert_eq!(serving(&house), Some(1));
    assert!(events.try_recv().is_err(), "nothing is told");
}

#[tokio::test]
async fn a_build_is_noticed_that_keeps_the_length_and_the_time_of_the_one_before() {
    let house = house().await;
    let file = house.config.plugins.dir.join("own.wasm");
    let time = file.metadata().unwrap().modified().unwrap();
    // As `rsync -t` leaves it, and `rsync -t --inplace`.
    for (number, in_place) in [(2, false), (3, true)] {
        assert_eq!(good(number).len() as u64, file.metadata().unwrap().len());
        let written = if in_place { file.clone() } else { file.with_extension("new") };
        std::fs::write(&written, good(number)).unwrap();
        std::fs::File::options().write(true).open(&written).unwrap().set_modified(time).unwrap();
        std::fs::rename(&written, &file).unwrap();
        house.runner.reloader().rescan().await;
        assert_eq!(serving(&house), Some(number.into()), "in place: {in_place}");
    }
}

#[tokio::test]
async fn a_build_that_is_written_bit_by_bit_is_not_refused_bit_by_bit() {
    let house = house().await;
    let mut events = house.runner.deps().events.listen();
    let (build, reloader) = (good(2), house.runner.reloader());
    let mut file = std::fs::File::create(house.config.plugins.dir.join("own.wasm")).unwrap();
    let mut waits = 0;
    for bit in build.chunks(build.len() / 40 + 1) {
        waits += u32::from(reloader.rescan().await.is_some());
        file.write_all(bit).unwrap();
    }
    assert!(waits >= 39, "each time somebody is to look again: {waits}");
    reloader.rescan().await;
    assert!(refusals(&mut events).is_empty(), "and nobody is told of half a build");
    assert_eq!(house.own().generations[0].sha256, Some(Sha256Hex::of(&build)));
    // What stays as it is, is told: when the time is over, and once.
    drop(file);
    std::fs::write(house.config.plugins.dir.join("own.wasm"), b"oops").unwrap();
    let mut looks = 0;
    while let Some(wait) = within_reason(reloader.rescan()).await {
        looks += 1;
        tokio::time::timeout(wait, std::future::pending::<()>()).await.unwrap_err();
    }
    assert!(looks > 0, "it was put off");
    reloader.rescan().await;
    assert_eq!(refusals(&mut events).len(), 1);
}

#[tokio::test]
async fn a_file_that_is_gone_is_served_from_memory_and_after_a_restart_from_the_kept_builds() {
    let house = house().await;
    std::fs::remove_file(house.config.plugins.dir.join("own.wasm")).unwrap();
    house.runner.reloader().rescan().await;
    assert!(house.own().orphaned);
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));

    let house = house.restart().await;
    assert!(house.own().orphaned);
    assert_eq!(house.complaints.len(), 1, "{:?}", house.complaints);
    assert!(house.complaints[0].contains("still serving 0.1.0, generation"), "{:?}", house.complaints);
    house.later(chrono::TimeDelta::days(1));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));

    house.reload(&good(2)).await;
    assert!(!house.own().orphaned);
}

#[tokio::test]
async fn a_bad_file_at_the_start_is_complained_about_and_the_last_good_build_serves() {
    let house = house().await;
    house.save(b"oops");
    let house = house.restart().await;
    assert!(house.complaints[0].contains("it begins: oops"), "{:?}", house.complaints);
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}

#[tokio::test]
async fn a_turn_that_is_under_way_ends_on_its_generation_which_is_freed_then() {
    let house = Blueprint::of(&["Anna"]).script(script(2, &[])).own_plugin(good(1)).build().await;
    let engine = house.runner.deps().registry.engine().clone();
    let before = engine.generations();
    let mut events = house.runner.deps().events.listen();
    let runner = std::sync::Arc::clone(&house.runner);
    let tick = tokio::spawn(async move { runner.tick(None, std::time::Duration::ZERO).await });
    // The day has begun, and the rating is still to be asked.
    next(&mut events, |event| matches!(event, Event::PluginCalled { .. }).then_some(())).await;
    house.reload(&good(2)).await;
    assert_eq!(serving(&house), Some(2));
    within_reason(tick).await.unwrap().unwrap();
    let mut of_turn = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::PluginCalled { generation, function, .. } = event {
            of_turn.push((generation.0, function));
        }
    }
    assert_eq!(of_turn, [(1, "compose-rating"), (1, "parse-rating")]);
    assert_eq!(house.turn("Anna").await.summary.generation, Some(1));
    assert_eq!(engine.generations(), before, "the old one is gone");
}

#[tokio::test]
async fn a_plugin_that_nobody_uses_is_named_once() {
    let house = house().await;
    let mut events = house.runner.deps().events.listen();
    std::fs::write(house.config.plugins.dir.join("spare.wasm"), numbered(&built_in("brief"), 1)).unwrap();
    for _ in 0..2 {
        house.runner.reloader().rescan().await;
    }
    let unused: Vec<Event> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    assert!(
        matches!(&unused[..], [Event::PluginUnused { plugin }] if plugin.as_str() == "spare"),
        "{unused:?}"
    );
}
