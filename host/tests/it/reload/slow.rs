//! A large component takes seconds to compile, on every core that there is; the ticks keep their schedule.

use std::time::{Duration, Instant};

use domain::event::Event;

use crate::support::builds::good;
use crate::support::house::{Blueprint, next};
use crate::support::python;

const INTERVAL: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn while_a_python_component_is_compiled_no_tick_is_left_out() {
    if python::is_skipped() {
        return;
    }
    let component = tokio::task::spawn_blocking(python::component).await.unwrap();
    // Nothing of it is compiled yet.
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().to_owned();
    let house = Blueprint::of(&["Anna"])
        .own_plugin(good(1))
        .config(move |config| {
            config.plugins.cache_dir = Some(folder);
            config.runner.tick_interval = INTERVAL;
        })
        .build()
        .await;
    let mut lively = house.lively(true).await;
    next(&mut lively.events, |event| matches!(event, Event::TurnEnded { .. }).then_some(())).await;

    lively.house.save(&component);
    let saved = Instant::now();
    let (mut started, mut ended, mut worst) = (0_u32, 0_u32, Duration::ZERO);
    let (took, generation) = next_loaded(&mut lively.events, |event| match event {
        Event::TickStarted { lag } => {
            started += 1;
            worst = worst.max(*lag);
        }
        Event::TickEnded { .. } => ended += 1,
        _ => {}
    })
    .await;
    let waited = saved.elapsed();
    println!(
        "{} KiB took {took:?} to load; meanwhile {ended} of {started} ticks ended, the worst began {worst:?} late",
        component.len() >> 10
    );
    assert_eq!(generation, 2);
    assert_eq!(lively.house.runner.deps().registry.engine().cache_uses().0, 0, "it really was compiled");
    // A tick that is too late is left out, and so is one that comes while the last one runs.
    let due = u32::try_from(waited.as_millis() / INTERVAL.as_millis()).unwrap();
    assert!(due >= 5, "it was too quick to show anything: {waited:?}");
    assert!(started + 1 >= due && ended + 1 >= started, "{started} began and {ended} ended of {due}");
    lively.house.later(chrono::TimeDelta::days(1));
    let turn = next(&mut lively.events, |event| match event {
        Event::PluginCalled { generation, outcome, .. } => Some((generation.0, *outcome)),
        _ => None,
    });
    assert_eq!(turn.await, (2, "ok"), "and it serves");
}

/// Shows `seen` every event until a build went live.
async fn next_loaded(
    events: &mut tokio::sync::broadcast::Receiver<Event>,
    mut seen: impl FnMut(&Event),
) -> (Duration, u64) {
    let loading = async {
        loop {
            match events.recv().await.unwrap() {
                Event::PluginLoaded { took, generation, .. } => return (took, generation.0),
                Event::PluginRefused { cause, .. } => panic!("{cause}"),
                event => seen(&event),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), loading).await.expect("it is compiled at all")
}
