//! The pages in a real browser: each at two widths, in the light and in the dark, and everything on them that can be done.

use chrono::TimeDelta;
use reqwest::Method;
use tokio::process::Command;

use super::Served;
use crate::experiment::two_arms;
use crate::support::builds::good;
use crate::support::house::{Blueprint, script};

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_without_fault_in_a_browser_and_does_what_it_is_asked() {
    if peers::node::are_skipped() {
        return;
    }
    let Some(chromium) = peers::node::chromium() else { return };
    let node = peers::node::peers(env!("CARGO_TARGET_TMPDIR"));
    let served = busy_house().await;
    let mut looking = Command::new("node");
    looking.arg("pages.mjs").arg(&served.base).arg(chromium).current_dir(node).kill_on_drop(true);
    if let Some(folder) = std::env::var_os("PERSONA_HOST_PICTURES") {
        looking.arg(folder);
    }
    let looked = looking.output().await.expect("node can be started");
    let told = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{told}{}", String::from_utf8_lossy(&looked.stderr));
}

/// One in which there is something on every page: two rounds of an experiment, two builds of a plugin, and somebody who is
/// paused and has never played.
async fn busy_house() -> Served {
    let house = Blueprint::of(&["Anna", "Ben", "Marcus", "Lena"])
        .script(script(2, &[]))
        .own_plugin(good(1))
        .config(|config| {
            config.experiments = config.plugins.dir.with_file_name("experiments");
            std::fs::create_dir_all(&config.experiments).unwrap();
            std::fs::write(config.experiments.join("live.toml"), two_arms("live", "brief", 2)).unwrap();
            config.runner.concurrency = 3;
        });
    let served = Served::of(house.build().await).await;
    let paused = served.ask(Method::POST, "/api/pause?persona=persona.lena@mana.test&anyway=true").await;
    assert_eq!(paused.0, 200, "{paused:?}");
    for _ in 0..4 {
        served.house.tick().await;
        served.house.later(TimeDelta::days(1));
    }
    served.house.reload(&good(2)).await;
    served
}
