//! Two hundred builds in one process: what it has at the sixtieth it has at the last.

use super::Shell;
use crate::support::builds::good;
use crate::support::house::eventually;
use crate::support::http;

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
    let shell = Shell::new().with("RUST_LOG", "warn,persona_host::app=info");
    shell.write("persona-host.toml", CONFIGURATION);
    shell.write("plugins/own.wasm", good(0));
    let mut daemon = shell.start("run --json");
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let url = |path: &str| format!("http://{address}{path}");
    let client = http::client();
    let mut figures = Vec::new();
    for number in 1..=RELOADS {
        shell.write("plugins/next", good(number));
        std::fs::rename(shell.path("plugins/next"), shell.path("plugins/own.wasm")).unwrap();
        let answer = client.post(url("/api/plugins/own/reload")).send().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!((&answer["result"], &answer["generation"]), (&"live".into(), &(number + 1).into()));
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
    let (settled, last) = (figures[SETTLED as usize - 1], figures[RELOADS as usize - 1]);
    assert!(last.0 <= settled.0 * 115 / 100 + SLACK, "{settled:?} KiB became {last:?}");
    assert_eq!(last.1, settled.1, "threads");
    let kept = std::fs::read_dir(shell.path("persona-host.db.builds/own")).unwrap().count();
    assert_eq!(kept, 4, "three builds and their index");

    assert_eq!(daemon.terminate().code(), Some(0));
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
