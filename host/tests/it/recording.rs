//! `--record` and `--replay`: what goes out and comes in, and the same turns again without anybody to ask.

mod broken;
mod day;
mod mishaps;
mod missed;
mod secrets;

use std::net::TcpListener;
use std::path::PathBuf;

use persona_host::outbound;
use serde_json::Value;
use standin::{Stack, StackOptions};

use crate::commands::{Said, Shell, catalog};
use domain::clock::Clock;

/// Neighbours with these personas, and a shell in which the program finds them.
async fn town(names: &[&str], change: impl FnOnce(&mut StackOptions)) -> (Stack, Shell) {
    let mut options = StackOptions::on_free_ports(Clock::system());
    change(&mut options);
    let stack = Stack::start(options).await.unwrap();
    let shell = within(Shell::beside(&stack));
    shell.write("catalog.json", catalog(names));
    shell.document("seed --catalog catalog.json", 0);
    (stack, shell)
}

/// The same folder for somebody who has no key, and knows no neighbour.
fn keyless(shell: Shell) -> Shell {
    within(shell.only(&["HOME", "XDG_CACHE_HOME", "COLUMNS"]))
}

/// What it leaves among temporary files ends with the test.
fn within(shell: Shell) -> Shell {
    let folder = shell.path("tmp");
    std::fs::create_dir_all(&folder).unwrap();
    shell.with("TMPDIR", folder.to_str().unwrap())
}

/// Everything of a tick's document but what is measured.
fn essence(mut document: Value) -> Value {
    document["durationMs"].take();
    document
}

/// The lines of a recording.
fn lines(shell: &Shell, dir: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(shell.path(dir).join("exchanges.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The ledger that a replay says it wrote.
fn ledger_of(said: &Said) -> PathBuf {
    let line = said.stderr.lines().find(|line| line.contains("is the ledger of this replay")).unwrap();
    line.split_whitespace().next().unwrap().into()
}

/// Where the neighbours were, somebody listens who hears whether anybody comes.
struct Silence(Vec<TcpListener>);

impl Silence {
    async fn after(stack: Stack) -> Self {
        let urls = [stack.auth_url(), stack.mcp_url(), stack.claude_url()].map(str::to_owned);
        stack.stop().await;
        let listen = |url: &String| {
            let listener = TcpListener::bind(url.trim_start_matches("http://")).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        Self(urls.iter().map(listen).collect())
    }

    fn is_unbroken(&self) -> bool {
        self.0.iter().all(|listener| listener.accept().is_err())
    }
}

#[test]
fn the_format_is_the_one_that_is_documented() {
    let page = include_str!("../../../docs/recording.md");
    assert!(page.contains(&format!("`\"v\": {}`", outbound::VERSION)));
    for word in
        ["exchanges.jsonl", "recording.json", "ledger.db", "latencyMs", "clientInfo", "_meta", "requestId"]
    {
        assert!(page.contains(word), "{word}");
    }
}
