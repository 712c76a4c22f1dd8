//! One process of the daemon, from its start to its end.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;

use crate::commands::Shell;

/// A daemon that runs, or has run.
pub(super) struct Life {
    child: Child,
    said: Arc<Mutex<String>>,
    address: watch::Receiver<Option<String>>,
}

impl Life {
    /// Starts the daemon; `key` is what it shows to Claude.
    pub(super) fn begin(shell: &Shell, key: &str) -> Self {
        let mut command = Command::from(shell.command("run --json"));
        command.env("ANTHROPIC_API_KEY", key).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let said = Arc::<Mutex<String>>::default();
        let (tell, address) = watch::channel(None);
        tokio::spawn(listen(stderr, Arc::clone(&said), tell));
        Self { child, said, address }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    /// Where it listens; nothing if it has ended before it said so.
    pub(super) async fn address(&self) -> Option<String> {
        let mut address = self.address.clone();
        address.wait_for(Option::is_some).await.ok()?.clone()
    }

    /// Sends it SIGTERM.
    pub(super) fn terminate(&self) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).expect("a process that nobody has waited for can be signalled");
    }

    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.expect("it can be waited for")
    }

    /// What it has logged.
    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Keeps what it says, and tells its address.
async fn listen(stderr: ChildStderr, said: Arc<Mutex<String>>, address: watch::Sender<Option<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        if entry["message"] == "persona-host listens" {
            address.send_replace(entry["address"].as_str().map(str::to_owned));
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&line);
        said.push('\n');
    }
}
