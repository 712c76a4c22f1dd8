//! The program as people meet it: the real binary, in an empty folder, with a clean environment.

#[cfg(target_os = "linux")]
mod canaries;
mod crowd;
mod daemon;
mod demo;
mod doctor;
mod exits;
mod explained;
mod hangup;
mod lines;
mod live;
mod looking;
mod manners;
mod manual;
mod mistakes;
mod neighbours;
mod notified;
mod pause;
mod plugin;
mod poison;
mod reference;
mod refused;
mod replay;
mod server;
mod slots;
#[cfg(target_os = "linux")]
mod soak;
mod standing;
mod tail;
mod validated;
pub(crate) mod voice;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use domain::clock::Clock;
use domain::code::Code;
use serde_json::{Value, json};
use standin::{Stack, StackOptions};
use tempfile::TempDir;

/// An empty folder, and the variables with which the program is called in it.
pub(crate) struct Shell {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The one document of a call with `--json`, which has to have ended with `code`, in the form of docs/commands.md.
    pub(crate) fn envelope(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{self:?}");
        let document: Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"));
        let mut members: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        match document["ok"].as_bool() {
            Some(true) => assert_eq!((code, members), (0, vec!["data", "ok"]), "{document}"),
            Some(false) => {
                assert!(
                    matches!(members.as_slice(), ["error", "ok"] | ["data", "error", "ok"]),
                    "{document}"
                );
                let error = document["error"].as_object().unwrap();
                assert_eq!(error.len(), 5, "{document}");
                assert_eq!(error["exit"], code, "{document}");
                assert!(!error["message"].as_str().unwrap().is_empty(), "{document}");
                assert!(!error["hint"].as_str().unwrap().is_empty(), "{document}");
                assert!(Code::of(error["code"].as_str().unwrap()).is_some(), "{document}");
                assert!(error["at"].is_null() || error["at"].is_string(), "{document}");
            }
            None => panic!("{document}"),
        }
        document
    }
}

impl Shell {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Compiled plugins are shared between the tests; nothing else is.
        let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/cache").to_owned();
        let variables = vec![
            ("HOME", folder.path().display().to_string()),
            ("XDG_CACHE_HOME", cache),
            ("COLUMNS", "400".to_owned()),
        ];
        Self { folder, variables }
    }

    /// A shell in which the program finds these neighbours.
    pub(crate) fn beside(stack: &Stack) -> Self {
        Self::new()
            .with("MANA_AUTH_URL", stack.auth_url())
            .with("MANA_MCP_URL", stack.mcp_url())
            .with("MANA_SERVICE_KEY", stack.service_key())
            .with("MANA_ADMIN_JWT", &stack.admin_jwt())
            .with("ANTHROPIC_BASE_URL", stack.claude_url())
            .with("ANTHROPIC_API_KEY", "stand-in")
    }

    /// The same with another variable, or with another value of one.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    /// The same with no variables but these.
    pub(crate) fn only(mut self, names: &[&str]) -> Self {
        self.variables.retain(|(known, _)| names.contains(known));
        self
    }

    /// What a variable says.
    pub(crate) fn value(&self, name: &str) -> String {
        self.variables.iter().find(|(known, _)| *known == name).unwrap().1.clone()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The names of what is in the folder, but for the hidden.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Everything below a folder, and what of it others may look into.
    pub(crate) fn below(&self, folder: &str) -> (Vec<String>, Vec<String>) {
        let (mut all, mut open, mut left) = (Vec::new(), Vec::new(), vec![self.path(folder)]);
        while let Some(path) = left.pop() {
            let metadata = path.metadata().unwrap();
            let name = path.strip_prefix(self.folder.path()).unwrap().display().to_string();
            if metadata.permissions().mode() & 0o077 != 0 {
                open.push(format!("{name} {:o}", metadata.permissions().mode() & 0o777));
            }
            if metadata.is_dir() {
                left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                all.push(name);
            }
        }
        (all, open)
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_persona-host"));
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Calls the program with the words of `line`, and waits for its end.
    pub(crate) fn call(&self, line: &str) -> Said {
        let output = self.command(line).output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
        Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What a call with `--json` found; the call has to end with `code`.
    pub(crate) fn document(&self, line: &str, code: i32) -> Value {
        let mut document = self.call(&format!("{line} --json")).envelope(code);
        document["data"].take()
    }

    /// The error with which a call with `--json` ends that found nothing.
    pub(crate) fn error(&self, line: &str, code: i32) -> Value {
        let mut document = self.call(&format!("{line} --json")).envelope(code);
        assert_eq!(document.get("data"), None, "{line}: {document}");
        document["error"].take()
    }

    /// Starts the program and lets it run.
    pub(crate) fn start(&self, line: &str) -> Running {
        let mut command = self.command(line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        Running { child, stdout, stderr }
    }
}

/// The program while it runs; it is killed when a test fails.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// The next log line, as JSON.
    pub(crate) fn log_line(&mut self) -> Value {
        let mut line = String::new();
        let read = self.stderr.read_line(&mut line).expect("it writes UTF-8");
        assert!(read > 0, "it ended");
        serde_json::from_str(&line).expect("a log line is JSON")
    }

    /// The next log line with this message, as JSON.
    pub(crate) fn logged(&mut self, message: &str) -> Value {
        let mut seen = String::new();
        loop {
            let start = seen.len();
            let read = self.stderr.read_line(&mut seen).expect("it writes UTF-8");
            assert!(read > 0, "it ended without {message:?}:\n{seen}");
            let line: Value = serde_json::from_str(&seen[start..]).expect("a log line is JSON");
            if line["message"] == message {
                return line;
            }
        }
    }

    /// The next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stdout.read_line(&mut line).expect("it writes UTF-8") > 0, "it ended");
        line
    }

    /// Waits for a line of standard error with this text; gives all that was said until then.
    pub(crate) fn said(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let read = self.stderr.read_line(&mut seen).expect("it writes UTF-8");
            assert!(read > 0, "it ended without {text:?}:\n{seen}");
        }
        seen
    }

    /// Sends SIGTERM to this process and no other, and waits for its end.
    pub(crate) fn terminate(self) -> ExitStatus {
        self.signal("-TERM")
    }

    /// The same with SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(self) -> ExitStatus {
        self.signal("-INT")
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().expect("it can be waited for")
    }

    /// Its number.
    fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(mut self, signal: &str) -> ExitStatus {
        self.send(signal);
        self.child.wait().expect("it can be waited for")
    }

    /// Sends it a signal, such as `-USR1`.
    fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("there is a kill command");
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It fails when the process has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Neighbours on today's clock, in this process.
pub(crate) async fn stack() -> Stack {
    Stack::start(StackOptions::on_free_ports(Clock::system())).await.unwrap()
}

/// A catalog of personas who are due on every day of the week.
pub(crate) fn catalog(names: &[&str]) -> String {
    let personas = names.iter().map(|name| {
        json!({
            "name": name, "email": format!("persona.{name}@mana.test"), "archetype": "solo-dev",
            "systemPrompt": "Du baust allein an einer App und redest wenig.",
            "moduleMix": { "todo": 0.6, "notes": 0.4 }, "tickCadence": "daily",
        })
    });
    json!({ "personas": personas.collect::<Vec<_>>() }).to_string()
}
