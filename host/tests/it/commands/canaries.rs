//! A canary in every place for a secret: it sings in no log line, no metric, no answer, no error, no ledger and no kept
//! build, also where neighbours say back what they were sent.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use domain::clock::Clock;
use persona_host::mana::password;
use secrecy::ExposeSecret as _;
use standin::{Stack, StackOptions};

use super::{Shell, catalog};
use crate::support::builds::good;
use crate::support::house::eventually;
use crate::support::http::{client, echo};

const SERVICE_KEY: &str = "canary-of-the-service-key";
/// In which place which canary is.
const PLACES: [(&str, &str); 11] = [
    ("MANA_SERVICE_KEY", SERVICE_KEY),
    ("MANA_SERVICE_KEY_NEXT", "canary-of-the-next-service-key"),
    ("ANTHROPIC_API_KEY", "canary-of-the-api-key"),
    ("PERSONA_SEED_SECRET", "canary-of-the-seed-secret"),
    ("PERSONA_ADMIN_TOKEN", "canary-of-the-admin-token"),
    ("PERSONA_ADMIN_TOKEN_NEXT", "canary-of-the-next-admin-token"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=canary-of-the-collector"),
    ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=canary-of-the-collector-of-traces"),
    ("PERSONA_VIEW_TOKEN", "canary-of-the-view-token"),
    ("PERSONA_VIEW_TOKEN_NEXT", "canary-of-the-next-view-token"),
    ("CANARY_THAT_NOBODY_READS", "canary-of-a-strange-variable"),
];
const ANNA: &str = "persona.anna@mana.test";
const FILE: &str = r#"
[http]
port = 0
[mana]
personas_path = "/api/v1/internal/personas"
[strategies.own]
plugin = "own"
[routing]
default = "own"
"#;
/// Every path that can be asked, with the turn's and the persona's own.
const PATHS: [&str; 9] = [
    "/health",
    "/metrics",
    "/api/turns",
    "/api/personas",
    "/api/strategies",
    "/api/plugins",
    "/api/plugins/own/logs",
    "/api/turns/ffffffff",
    "/diag/login?email=persona.anna@mana.test",
];

/// A daemon whose every word goes into files of the shell's folder; it is killed when a test fails.
struct Daemon(Child);

impl Daemon {
    /// Starts one, and waits for its address.
    async fn start(shell: &Shell, log: &str) -> (Self, String) {
        let file = |name: String| File::create(shell.path(&name)).unwrap();
        let mut command = shell.command("run --json");
        let command =
            command.stdout(file(format!("{log}.out"))).stderr(file(log.to_owned())).stdin(Stdio::null());
        let daemon = Self(command.spawn().unwrap());
        let address = || {
            let said = std::fs::read_to_string(shell.path(log)).unwrap_or_default();
            let line = said.lines().find(|line| line.contains("persona-host listens"))?;
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(format!("http://{}", line["address"].as_str()?))
        };
        eventually(async || address().is_some()).await;
        (daemon, address().unwrap())
    }

    fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Neighbours with Anna, and a shell in which each place for a secret has its canary.
async fn town() -> (Stack, Shell) {
    let options =
        StackOptions { service_key: SERVICE_KEY.into(), ..StackOptions::on_free_ports(Clock::system()) };
    let stack = Stack::start(options).await.unwrap();
    let mut shell = Shell::beside(&stack)
        .with("MANA_API_URL", stack.auth_url())
        .with("TICK_INTERVAL_MS", "50")
        .with("RUST_LOG", "trace");
    for (name, canary) in PLACES {
        shell = shell.with(name, canary);
    }
    // Nobody takes the traces, and the log says so.
    shell = shell.with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    shell.write("persona-host.toml", FILE);
    shell.write("plugins/own.wasm", good(1));
    shell.write("catalog.json", catalog(&["anna"]));
    shell.document("seed --catalog catalog.json", 0);
    (stack, shell)
}

/// Asks everything that can be asked, and keeps the answers in the folder.
async fn ask_everything(shell: &Shell, base: &str) {
    let mut answers = String::new();
    for path in PATHS {
        let answer = client().get(format!("{base}{path}")).send().await.unwrap();
        answers += &format!("{path} {:?}\n{}\n", answer.headers().clone(), answer.text().await.unwrap());
    }
    for (path, token) in [("/diag/tick", "canary-of-the-admin-tokem"), ("/api/personas/x/release", "")] {
        let request = client().post(format!("{base}{path}")).header("via", "proxy").bearer_auth(token);
        answers += &request.send().await.unwrap().text().await.unwrap();
    }
    shell.write("answers", answers);
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Looks for all of these in each file.
fn assert_silent(shell: &Shell, canaries: &[String], case: &str) {
    for path in files(&shell.path("")) {
        let bytes = std::fs::read(&path).unwrap();
        for canary in canaries {
            let at = bytes.windows(canary.len()).position(|window| window == canary.as_bytes());
            let around =
                at.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..at + 20]).into_owned());
            assert_eq!(around, None, "{case}: {canary} in {}", path.display());
        }
    }
}

/// The secrets of the places, what is made of them, and how every token of mana-auth begins.
fn canaries() -> Vec<String> {
    let seed = PLACES.iter().find(|(name, _)| *name == "PERSONA_SEED_SECRET").unwrap().1;
    let password = password(&seed.into(), ANNA).unwrap().expose_secret().to_owned();
    // The standard begins of a header with an algorithm, one way round and the other.
    let tokens = ["eyJhbGci", "eyJ0eXAi"].map(str::to_owned);
    // A header's value, without its name.
    let canary = |canary: &str| canary.rsplit('=').next().unwrap_or_default().to_owned();
    PLACES.iter().map(|(_, own)| canary(own)).chain([password]).chain(tokens).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_works_says_and_keeps_no_secret_and_lets_nobody_else_read() {
    let (stack, shell) = town().await;
    let (daemon, base) = Daemon::start(&shell, "log").await;
    eventually(async || {
        let turns = client().get(format!("{base}/api/turns?state=completed")).send().await.unwrap();
        turns.text().await.unwrap().contains(ANNA)
    })
    .await;
    let mut canaries = canaries();
    let sessions = stack.database().rows("SELECT token FROM auth.sessions", &[]).await.unwrap();
    canaries.extend(sessions.iter().map(|row| row.text("token").unwrap()));
    ask_everything(&shell, &base).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.0.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"], "no core file");
    for line in ["turns list", "personas list", "config show", "plugin inspect plugins/own.wasm"] {
        for format in ["", " --json"] {
            let said = shell.call(&format!("{line}{format}"));
            shell.write(&line.replace([' ', '/'], "-"), format!("{}\n{}", said.stdout, said.stderr));
        }
    }
    daemon.stop();
    assert_silent(&shell, &canaries, "when all is well");
    let mine = |path: &PathBuf| path.to_string_lossy().contains("persona-host.db");
    let own: Vec<PathBuf> = files(&shell.path("")).into_iter().filter(mine).collect();
    assert!(own.len() > 3, "the ledger, its lock, a build and its index: {own:?}");
    for path in own {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_says_back_what_it_was_sent_is_quoted_without_it() {
    let (stack, shell) = town().await;
    let echo = echo().await;
    let mut shell = shell;
    for (number, (variable, code)) in [
        ("MANA_API_URL", "listDuePersonas failed: HTTP 500"),
        ("MANA_AUTH_URL", "Persona login failed"),
        ("MANA_MCP_URL", "the MCP server at"),
        ("ANTHROPIC_BASE_URL", "Claude refused the request"),
    ]
    .into_iter()
    .enumerate()
    {
        let before = shell.variables.iter().find(|(name, _)| *name == variable).unwrap().1.clone();
        shell = shell.with(variable, &echo.url("")).with("RUST_LOG", "persona_host=trace");
        shell.write(
            "persona-host.toml",
            format!("{FILE}\n[store]\nurl = \"sqlite:persona-host.db.{number}\"\n"),
        );
        let log = format!("log-{number}");
        let (daemon, base) = Daemon::start(&shell, &log).await;
        let said = || std::fs::read_to_string(shell.path(&log)).unwrap();
        eventually(async || said().contains(code)).await;
        assert!(said().contains("[secret]"), "{variable}: it was said back: {}", said());
        ask_everything(&shell, &base).await;
        let tick = shell.call("tick");
        shell.write("tick", format!("{}\n{}", tick.stdout, tick.stderr));
        daemon.stop();
        assert_silent(&shell, &canaries(), variable);
        shell = shell.with(variable, &before);
    }
    stack.stop().await;
}
