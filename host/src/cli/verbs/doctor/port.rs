//! Whether the port is free, and who has it if not: our own daemon, which is asked then, or another program.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use tokio::time::timeout;

use super::finding::Look;
use crate::cli::verbs::plugin::running::base;
use crate::config::Config;
use crate::outbound::Client;
use crate::running::Running;

/// How long whoever has the port may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(3);
/// What a persona-host calls itself (contract 7.2).
const OURS: &str = "mana-persona-runner";

/// The daemon that runs.
#[derive(Debug)]
pub(super) struct Daemon {
    /// Why it lets nobody sign in, if that is so.
    pub(super) stopped: Option<String>,
}

/// Looks at the port, and asks the daemon that has it.
pub(super) async fn look(config: &Config, http: &Client) -> (Look, Option<Daemon>) {
    let mut look = Look::at("port");
    let (port, address) = (config.http.port, SocketAddr::new(config.http.bind, config.http.port));
    match TcpListener::bind(address) {
        Ok(_) => look.sound.push(format!("{address} is free, so no persona-host runs there")),
        Err(cause) if cause.kind() == ErrorKind::AddrInUse => {
            // No token: nobody knows yet who has the port, and what is asked wants none.
            let running = Running::at(http.clone(), &base(config), SecretString::default());
            if let Ok(Ok(health)) = timeout(PATIENCE, running.health()).await
                && health["service"] == OURS
            {
                let daemon = ask(&mut look, &running).await;
                return (look, Some(daemon));
            }
            look.wrong(
                format!("another program has port {port}, and `run` cannot listen there"),
                Some(address.to_string()),
                "what listens there does not answer /health as a persona-host does",
                format!("stop it (`ss -ltnp 'sport = :{port}'` names it), or choose another port: PORT, or `port` in [http]"),
            );
        }
        Err(cause) => {
            let hint = match cause.kind() {
                ErrorKind::PermissionDenied => {
                    "ports below 1024 are root's: choose another in PORT or http.port"
                }
                _ => "correct `bind` in [http]: it has to be an address of this machine",
            };
            look.wrong(
                format!("`run` cannot listen on {address}"),
                Some("http.bind, http.port".to_owned()),
                cause.to_string(),
                hint,
            );
        }
    }
    (look, None)
}

/// What the daemon says is in the way.
async fn ask(look: &mut Look, running: &Running) -> Daemon {
    let base = running.base();
    look.sound.push(format!("a persona-host runs at {base}, and was asked how it is"));
    let Ok(Ok(ready)) = timeout(PATIENCE, running.ready()).await else {
        look.left_out.push(format!("what is in the way of the one at {base}: it did not say"));
        return Daemon { stopped: None };
    };
    let list = |name: &str| ready[name].as_array().cloned().unwrap_or_default();
    let text = |told: &Value, name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let mut stopped = None;
    for told in list("reasons") {
        let (what, why) = (text(&told, "what"), text(&told, "why"));
        if what == "signIns" {
            stopped = Some(why.clone());
        }
        let hint = match text(&told, "hint") {
            hint if hint.is_empty() => "its page Now and its log tell more".to_owned(),
            hint => hint,
        };
        look.wrong(
            format!("the persona-host that runs is not ready ({what})"),
            Some(base.to_owned()),
            why,
            hint,
        );
    }
    look.notes.extend(
        list("notes").iter().map(|told| format!("it says ({}): {}", text(told, "what"), text(told, "why"))),
    );
    Daemon { stopped }
}
