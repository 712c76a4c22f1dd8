//! A demo of one plugin: this program once more, with ten personas who all live under it.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::component::put;
use crate::cli::output::{FAINT, Output, PLACE, styled};
use crate::cli::{Exit, Failure};
use crate::config::demo_of;
use crate::outbound;
use crate::private;
use crate::running::Running;
use crate::workshop::Project;
use domain::code::Code;

/// How often a starting demo is asked, and how often at most.
const ASK_AGAIN: Duration = Duration::from_millis(100);
const TRIES: u32 = 600;

/// A demo that runs; it ends with this value.
#[derive(Debug)]
pub(super) struct Demo {
    url: String,
    process: Child,
}

impl Demo {
    /// Starts one for a project that is built. Its files are in the project's `dist/demo`.
    pub(super) async fn start(project: &Project, settings: &Value, output: Output) -> Result<Self, Failure> {
        let folder = project.folder.join("dist/demo");
        let plugins = folder.join("plugins");
        put(&project.component(), &plugins, &project.name)?;
        let plugins = plugins.canonicalize()?;
        let port = free_port()?;
        let text = demo_of(&project.name, settings, &plugins, port).map_err(|error| {
            Failure::new(
                Exit::BadInput,
                Code::InputUnusable,
                format!("the settings cannot be written as TOML: {error}"),
            )
        })?;
        let config = folder.join("persona-host.toml");
        private::write(&config, text.as_bytes())?;
        let log = folder.join("log");
        let process = Command::new(std::env::current_exe()?)
            .args(["demo", "--until-input-ends"])
            .arg("--config")
            .arg(&config)
            .arg("--dir")
            .arg(folder.join("rows"))
            .env_remove("PORT")
            // Held as long as this runs: it ends with us also when we cannot end it.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(private::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let mut demo = Self { url: format!("http://127.0.0.1:{port}"), process };
        demo.wait(&log).await?;
        let line = format!("  a demo of it runs at {}, a weekday every 20 s", styled(PLACE, &demo.url));
        output.say(&line);
        output.say(&styled(FAINT, format!("  what it says is in {}\n", log.display())));
        Ok(demo)
    }

    /// Where it answers.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    async fn wait(&mut self, log: &Path) -> Result<(), Failure> {
        let host = Running::at(outbound::client()?, &self.url, SecretString::default());
        for _ in 0..TRIES {
            if host.plugins().await.is_ok() {
                return Ok(());
            }
            if self.process.try_wait()?.is_some() {
                break;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        Err(Failure::new(
            Exit::BadInput,
            Code::DemoNotStarted,
            format!("the demo did not start:\n{}", said.trim()),
        )
        .hint("correct what it says, and save again"))
    }
}

/// A port that nobody listens on now.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
