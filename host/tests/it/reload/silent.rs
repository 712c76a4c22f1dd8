//! A disk that does not answer: ticks, commands and the end do not wait for it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use domain::event::Event;
use domain::ids::PluginName;
use domain::plugin::CanaryPlan;
use persona_host::reload::Reloaded;

use crate::support::builds::good;
use crate::support::house::{Blueprint, House, Lively, eventually, figures, next, script, within_reason};
use crate::support::python;

/// Holds the file that it is given so that whoever opens it waits (a lease, fcntl(2)), as on a mount whose server is
/// gone. The system ends that after 45 seconds.
const HOLD: &str = "
import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
file = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('held', flush=True)
sys.stdin.read()
";

/// A file that nobody can open, until this is dropped.
struct Held(Child);

impl Held {
    fn new(file: &Path) -> Self {
        let mut holder = Command::new("python3")
            .args(["-c", HOLD])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "held\n", "{} cannot be held here", file.display());
        Self(holder)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A house whose loop ticks fast, with a new build in its folder that cannot be read.
async fn with_a_held_plugin() -> (Lively, Held) {
    let house = Blueprint::of(&["Anna"])
        .own_plugin(good(1))
        .config(|config| {
            config.runner.tick_interval = Duration::from_millis(20);
            config.plugins.debounce = Duration::from_millis(20);
        })
        .build()
        .await;
    let dir = house.config.plugins.dir.clone();
    std::fs::write(dir.join("own.new"), good(2)).unwrap();
    let held = Held::new(&dir.join("own.new"));
    let lively = house.lively(true).await;
    std::fs::rename(dir.join("own.new"), dir.join("own.wasm")).unwrap();
    (lively, held)
}

async fn three_ticks_end(lively: &mut Lively) {
    for _ in 0..3 {
        next(&mut lively.events, |event| matches!(event, Event::TickEnded { .. }).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_cannot_be_read_keeps_neither_ticks_nor_the_other_plugins_waiting() {
    if python::is_skipped() {
        return;
    }
    let (mut lively, held) = with_a_held_plugin().await;
    three_ticks_end(&mut lively).await;
    let reloader = lively.house.runner.reloader();
    let brief = within_reason(reloader.reload(&PluginName::new("brief"))).await.unwrap();
    assert!(matches!(brief, Reloaded::Unchanged(_)), "{brief:?}");
    within_reason(async { while reloader.rescan().await.is_some() {} }).await;
    assert_eq!(lively.house.own().serving.unwrap().0, 1, "the build before serves on");
    drop(held);
    eventually(async || {
        // It is tried again after a while, later each time.
        lively.house.later(chrono::TimeDelta::hours(1));
        lively.house.runner.reloader().rescan().await;
        lively.house.own().serving.unwrap().0 > 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_ends_a_trial_does_not_wait_for_the_kept_builds_and_a_late_answer_is_an_answer() {
    if python::is_skipped() {
        return;
    }
    let house = Blueprint::of(&["Anna"])
        .script(script(1, &[]))
        .own_plugin(good(1))
        .config(|config| config.plugins.canary = Some(CanaryPlan { share: 1.0, clean_turns: 1 }))
        .build()
        .await;
    house.reload(&good(2)).await;
    let held = Held::new(&house.ledger_path().with_extension("db.builds").join("own/index.lock"));
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
    assert_eq!(
        (house.own().serving.unwrap().0, house.own().kept.len()),
        (2, 1),
        "it serves, and is not kept yet"
    );
    drop(held);
    eventually(async || house.own().kept.len() == 2).await;
}

#[test]
fn the_end_does_not_wait_for_a_disk() {
    if python::is_skipped() {
        return;
    }
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let held = runtime.block_on(async {
            let (mut lively, held) = with_a_held_plugin().await;
            three_ticks_end(&mut lively).await;
            let runner = lively.house.runner.clone();
            // Whoever asks for it waits for the disk, and the end for nobody.
            tokio::spawn(async move { runner.reloader().reload(&PluginName::new("own")).await });
            three_ticks_end(&mut lively).await;
            held
        });
        drop(runtime);
        tell.send(held).unwrap();
    });
    told.recv_timeout(Duration::from_secs(30)).expect("it ends while the file is still held");
}

async fn with_experiments(make: impl FnOnce(&Path) + 'static) -> House {
    Blueprint::of(&["Anna"])
        .config(|config| {
            config.experiments = config.plugins.dir.with_file_name("experiments");
            std::fs::create_dir(&config.experiments).unwrap();
            make(&config.experiments);
        })
        .build()
        .await
}

#[tokio::test]
async fn an_experiment_that_cannot_be_read_keeps_no_tick_waiting() {
    if python::is_skipped() {
        return;
    }
    let house = with_experiments(|folder| std::fs::write(folder.join("held.toml"), b"").unwrap()).await;
    let _held = Held::new(&house.config.experiments.join("held.toml"));
    for _ in 0..3 {
        assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
        house.later(chrono::TimeDelta::days(1));
    }
}

#[tokio::test]
async fn a_pipe_among_the_experiments_is_nobody_s_experiment() {
    let house = with_experiments(|folder| {
        assert!(Command::new("mkfifo").arg(folder.join("pipe.toml")).status().unwrap().success());
    })
    .await;
    assert_eq!(figures(&house.tick().await), (1, 1, 0, 0));
}
