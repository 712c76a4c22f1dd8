//! Two hundred builds in one process: what it has at the sixtieth it has at the last.

use super::Shell;
use crate::support::builds::numbered;
use crate::support::house::eventually;
use crate::support::http;

/// The smallest plugin that there is, because each build of it is compiled.
const RELIC: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/relic.wasm"));
const CONFIGURATION: &str = r#"
[http]
port = 0
[plugins]
watch = "off"
[strategies.own]
plugin = "own"
[routing]
default = "own"
"#;
/// From here on nothing is new: kept builds are forgotten again, and the threads are all there.
const SETTLED: u32 = 60;
const RELOADS: u32 = 200;
/// Pages that the allocator has not given back yet, in KiB.
const SLACK: u64 = 8 << 10;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_reloads_leave_memory_threads_and_generations_as_they_were() {
    // The only line is the one with the address: nobody reads the others.
    let shell = Shell::new().with("RUST_LOG", "error,persona_host::app=info");
    // An empty one, so that each build really is compiled.
    let cache = shell.path("cache").display().to_string();
    let shell = shell.with("XDG_CACHE_HOME", &cache);
    shell.write("persona-host.toml", CONFIGURATION);
    shell.write("plugins/own.wasm", numbered(RELIC, 0));
    let mut daemon = shell.start("run --json");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let url = |path: &str| format!("http://{address}{path}");
    let client = http::client();
    let mut figures = Vec::new();
    for number in 1..=RELOADS {
        shell.write("plugins/next", numbered(RELIC, number));
        std::fs::rename(shell.path("plugins/next"), shell.path("plugins/own.wasm")).unwrap();
        let answer = client.post(url("/api/plugins/own/reload")).send().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        // On a busy machine the watch is sometimes quicker than we are.
        assert!(["live", "unchanged"].contains(&answer["result"].as_str().unwrap()), "{answer}");
        assert_eq!(answer["generation"], number + 1, "{answer}");
        let seen = status(daemon.child.id());
        if number % 20 == 0 {
            println!("after {number} reloads: {} KiB, {} threads", seen.0, seen.1);
        }
        figures.push(seen);
    }
    // What is freed by the last who uses it is freed a moment later.
    eventually(async || {
        let metrics = client.get(url("/metrics")).send().await.unwrap().text().await.unwrap();
        // daily, brief and own
        metrics.lines().any(|line| line == "persona_plugin_generations 3")
    })
    .await;
    let (settled, last) = (least(&figures, SETTLED), least(&figures, RELOADS));
    assert!(last.0 <= settled.0 * 115 / 100 + SLACK, "{settled:?} KiB became {last:?}");
    assert_eq!(last.1, settled.1, "threads");
    let kept = std::fs::read_dir(shell.path("persona-host.db.builds/own")).unwrap().count();
    assert_eq!(kept, 5, "three builds, their index and its lock");

    assert_eq!(daemon.terminate().code(), Some(0));
}

/// The least of both in the twenty reloads before: a thread that only waits for work may come and go.
fn least(figures: &[(u64, u64)], reloads: u32) -> (u64, u64) {
    let last = &figures[reloads as usize - 20..reloads as usize];
    let least = |of: fn(&(u64, u64)) -> u64| last.iter().map(of).min().unwrap();
    (least(|seen| seen.0), least(|seen| seen.1))
}

/// Resident memory in KiB, and threads.
fn status(pid: u32) -> (u64, u64) {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let figure = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    (figure("VmRSS:"), figure("Threads:"))
}
