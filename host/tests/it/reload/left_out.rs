//! Strategies whose settings the live build does not take, and what becomes of them.

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;

use crate::support::builds::misfit;
use crate::support::house::Blueprint;
use crate::support::prover::{PROVER, instead};

/// How many children were asked in this folder.
fn asked(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("asked")).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn settings_that_took_too_long_at_the_start_are_asked_about_again_later_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let does = format!("echo own >> {}/asked\nexec {PROVER} \"$@\"", folder.path().display());
    let prover = instead(folder.path(), &does);
    let house = Blueprint::of(&[])
        .own_plugin(misfit("sleep-in-settings"))
        .config(move |config| {
            config.plugins.prover = Some(prover);
            config.strategies.last_mut().unwrap().limits.time = Duration::from_millis(50);
        })
        .build_with_complaints()
        .await;
    let complaint = &house.complaints[0];
    assert!(complaint.starts_with("the settings of strategy own are refused: "), "{complaint}");
    let before = asked(folder.path());
    for (minutes, more) in [(0, 0), (1, 1), (0, 1), (1, 1), (1, 2), (3, 2), (1, 3)] {
        house.later(TimeDelta::minutes(minutes));
        house.runner.reloader().rescan().await;
        assert_eq!(asked(folder.path()) - before, more, "{minutes} minutes later");
    }
    assert_eq!(house.own().serving.unwrap().0, 1, "the build itself serves on");
}
