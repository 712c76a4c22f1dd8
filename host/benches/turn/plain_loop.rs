//! The loop of `examples/bench` on the official SDKs, as a process of its own between neighbours of its own. For each
//! line that it is told it runs a tick.

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tempfile::TempDir;

use crate::cpu_time::CpuTime;
use crate::neighbours::{Manners, Neighbours, heard};
use crate::site;

/// Bun, the SDKs and the loop itself.
#[derive(Debug)]
pub(crate) struct Installed {
    bun: PathBuf,
    program: PathBuf,
}

impl Installed {
    /// Installs, beside its source, what the loop stands on; the versions are exact.
    pub(crate) fn get() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/bench");
        let npm = Command::new("npm").arg("install").current_dir(&folder).output();
        let npm = npm.expect("npm starts: install Node.js 20 or later (Debian: apt-get install nodejs npm)");
        let why = String::from_utf8_lossy(&npm.stderr);
        assert!(npm.status.success(), "npm install in {} failed\n{why}", folder.display());
        Self { bun: folder.join("node_modules/@oven/bun-linux-x64/bin/bun"), program: folder.join("loop.ts") }
    }
}

/// The process and its neighbours.
pub(crate) struct PlainLoop {
    pub(crate) neighbours: Neighbours,
    child: Child,
    says: BufReader<ChildStdout>,
    hears: ChildStdin,
    _folder: TempDir,
}

/// What it says of a tick.
#[derive(Debug, Deserialize)]
struct Said {
    due: usize,
    ran: usize,
    failed: Vec<String>,
}

impl PlainLoop {
    pub(crate) async fn of(installed: &Installed, personas: usize, at_once: usize, manners: Manners) -> Self {
        let neighbours = Neighbours::start(manners);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = site::configuration(&neighbours.addresses, folder.path(), &[]);
        let seed_secret = &config.mana.seed_secret;
        neighbours.settle(personas, seed_secret).await;
        let mut child = Command::new(&installed.bun)
            .arg(&installed.program)
            .env("MANA_AUTH_URL", &neighbours.addresses.auth)
            .env("MANA_MCP_URL", &neighbours.addresses.mcp)
            .env("MANA_SERVICE_KEY", &neighbours.addresses.service_key)
            .env("ANTHROPIC_BASE_URL", &neighbours.addresses.claude)
            .env("ANTHROPIC_API_KEY", "any-key")
            .env("PERSONA_SEED_SECRET", seed_secret.expose_secret())
            .env("PERSONA_CONCURRENCY", at_once.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Bun starts: its binary is for Linux on x86-64");
        let says = BufReader::new(child.stdout.take().expect("it is piped"));
        let hears = child.stdin.take().expect("it is piped");
        Self { neighbours, child, says, hears, _folder: folder }
    }

    /// A turn for everybody.
    pub(crate) fn tick(&mut self) {
        writeln!(self.hears, "tick").expect("it listens");
        let said = heard(&mut self.says);
        let said: Said = serde_json::from_str(&said).expect("it says how the tick went, if it lives");
        assert!(said.due > 0 && said.ran == said.due && said.failed.is_empty(), "{said:?}");
    }

    /// What it has computed so far.
    pub(crate) fn cpu_time(&self) -> CpuTime {
        CpuTime::of(self.child.id())
    }
}

impl Drop for PlainLoop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
