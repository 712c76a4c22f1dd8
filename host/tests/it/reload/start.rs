//! What takes its time at the start keeps neither the port nor the other plugins waiting.

use std::path::Path;
use std::time::Duration;

use domain::event::Event;
use domain::ids::{PluginName, Sha256Hex};
use persona_host::config::Watching;
use persona_host::reload::Patience;
use tempfile::TempDir;

use crate::support::builds::good;
use crate::support::house::{Blueprint, House, figures, next, within_reason};
use crate::support::prover::{PROVER, instead};

/// That of a daemon, but for what nothing serves: this is not to take half a minute.
const PATIENCE: Patience = Patience { for_the_next: Duration::from_secs(4), ..Patience::OF_A_DAEMON };

/// A house whose first `own` is this, and where no child answers as long as there is a file `held` in the folder.
async fn house(own: Vec<u8>) -> (House, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let held = folder.path().join("held");
    let program = format!("[ -e {} ] && exec sleep 1000\nexec {PROVER} \"$@\"", held.display());
    let (prover, cache) = (instead(folder.path(), &program), folder.path().join("cache"));
    let house = Blueprint::of(&["Anna"])
        .own_plugin(own)
        .config(move |config| {
            config.plugins.prover = Some(prover);
            config.plugins.cache_dir = Some(cache);
            config.plugins.watch = Watching::Off;
        })
        .build_with_complaints()
        .await;
    (house, folder)
}

fn hold(folder: &Path) {
    std::fs::write(folder.join("held"), "").unwrap();
}

fn release(folder: &Path) {
    std::fs::remove_file(folder.join("held")).unwrap();
}

fn serving(house: &House) -> Option<Sha256Hex> {
    Some(house.runner.deps().registry.current(&PluginName::new("own"))?.digest().clone())
}

/// The loop takes up by itself what the start did not wait for.
async fn goes_live_beside(house: House, build: &[u8]) {
    let mut lively = house.lively(false).await;
    let loaded = next(&mut lively.events, |event| match event {
        Event::PluginLoaded { plugin, sha256, .. } if plugin.as_str() == "own" => Some(sha256.clone()),
        _ => None,
    });
    assert_eq!(loaded.await, Sha256Hex::of(build));
    assert_eq!(serving(&lively.house), Some(Sha256Hex::of(build)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_that_takes_long_is_not_waited_for_where_a_kept_build_can_serve() {
    let (house, folder) = house(good(1)).await;
    assert_eq!(house.complaints, [] as [String; 0]);
    hold(folder.path());
    house.save(&good(2));
    let house = within_reason(house.restart_waiting(Patience::OF_A_DAEMON)).await;
    assert_eq!(serving(&house), Some(Sha256Hex::of(&good(1))));
    let [complaint] = &house.complaints[..] else { panic!("{:?}", house.complaints) };
    assert!(complaint.contains("\"own\" is not loaded yet (still serving 0.1.0, generation"), "{complaint}");
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    release(folder.path());
    goes_live_beside(house, &good(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_nothing_stands_in_for_is_waited_for_a_while_and_the_others_serve() {
    let (house, folder) = house(b"oops".to_vec()).await;
    hold(folder.path());
    house.save(&good(1));
    let house = within_reason(house.restart_waiting(PATIENCE)).await;
    assert_eq!(serving(&house), None);
    let [complaint] = &house.complaints[..] else { panic!("{:?}", house.complaints) };
    assert!(complaint.contains("turns of its strategies fault until it is"), "{complaint}");
    assert!(house.runner.deps().registry.current(&PluginName::new("brief")).is_some());
    release(folder.path());
    goes_live_beside(house, &good(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_for_every_plugin() {
    let (house, folder) = house(b"oops".to_vec()).await;
    hold(folder.path());
    house.save(&good(1));
    let mut starting = Box::pin(house.restart());
    // Longer than a daemon waits for what is new.
    let longer = PATIENCE.for_what_is_new * 2;
    tokio::time::timeout(longer, &mut starting).await.map(|_| ()).unwrap_err();
    drop(starting);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_beside_which_the_kept_build_takes_long_is_not_the_end_of_it() {
    let (house, folder) = house(good(1)).await;
    // Nothing is known of the kept build any more, and its proof takes long.
    std::fs::remove_dir_all(folder.path().join("cache")).unwrap();
    house.save(&good(2));
    hold(folder.path());
    let house = within_reason(house.restart_waiting(PATIENCE)).await;
    assert_eq!(serving(&house), None);
    release(folder.path());
    house.save(b"oops");
    within_reason(house.runner.reloader().rescan()).await;
    assert_eq!(serving(&house), Some(Sha256Hex::of(&good(1))));
}
