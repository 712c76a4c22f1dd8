//! A daemon with few descriptors, and a crowd that connects and says nothing: its turns go on, and it answers.

use std::collections::VecDeque;
use std::io::BufReader;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Resource, getrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{Running, Shell, catalog, stack};
use crate::support::house::eventually;
use crate::support::http::client;

/// Starts the daemon with so many descriptors and no more.
fn start_with(shell: &Shell, descriptors: u32) -> Running {
    let line = format!("ulimit -n {descriptors} && exec {} run --json", env!("CARGO_BIN_EXE_persona-host"));
    let like = shell.command("run");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).current_dir(shell.path("")).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child: Child = command.spawn().unwrap();
    let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    Running { child, stdout: BufReader::new(stdout), stderr: BufReader::new(stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_and_ten_thousand_who_say_nothing_keep_no_turn_from_its_end() {
    let stack = stack().await;
    // Nobody reads the log but for its first line.
    let shell = Shell::beside(&stack)
        .with("TICK_INTERVAL_MS", "100")
        .with("RUST_LOG", "error,persona_host::app=info");
    shell.write("persona-host.toml", "[http]\nport = 0\n");
    let mut daemon = start_with(&shell, 256);
    let address = daemon.logged("persona-host listens")["address"].as_str().unwrap().to_owned();
    let to: SocketAddr = address.parse().unwrap();
    let plays = async |name: &str| {
        shell.write("catalog.json", catalog(&[name]));
        shell.document("seed --catalog catalog.json", 0);
        let url = format!("http://{address}/api/turns?state=completed&persona=persona.{name}@mana.test");
        eventually(async || {
            // Somebody else may take our place before we are heard.
            let Ok(answer) = client().get(&url).send().await else { return false };
            answer.text().await.is_ok_and(|text| text.contains("startedAt"))
        })
        .await;
    };
    // As many as this process may hold, if that is fewer than there are.
    let most = getrlimit(Resource::Nofile).current.map_or(10_000, |most| most.saturating_sub(200));
    let mut crowd = VecDeque::new();
    for (size, name) in [(300, "anna"), (10_000, "ben")] {
        for _ in 0..size {
            let mut one = TcpStream::connect(to).await.unwrap();
            // Half of a request, as slowly as possible.
            let _ = one.write_all(b"GET /health HTTP/1.1\r\nhost: local").await;
            crowd.push_back(one);
            if crowd.len() as u64 > most {
                crowd.pop_front();
            }
        }
        plays(name).await;
    }
    drop(crowd);
    assert_eq!(daemon.terminate().code(), Some(0));
    stack.stop().await;
}
