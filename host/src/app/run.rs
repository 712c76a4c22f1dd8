//! `run`: the daemon.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::task::JoinHandle;

use super::build::{App, LAST_TRACES, build_going, lock};
use super::hangup::{Daemon, Hangups};
use super::notify::Notifier;
use super::signals::{BrakeSignals, stop_on_signal};
use super::tape::Tape;
use crate::cli::args::Record;
use crate::cli::output::Output;
use crate::cli::{Exit, Failure, load};
use crate::config::{Config, unknown_variables};
use crate::http::{Face, ListenError, listen, serve};
use crate::reload::{Complaint, Patience};
use crate::runner::Runner;
use crate::telemetry::{LogFormat, start_log};
use domain::clock::Clock;
use domain::code::Code;

/// How long open answers may take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// What is logged until the configuration is read, which may say otherwise.
const QUIET: &str = "persona_host=info";

/// Runs until a signal. With keys missing the loop is off, and everything else is there.
pub(super) async fn run(record: Record, file: Option<&Path>, output: Output) -> Result<(), Failure> {
    let filter = load::variable("RUST_LOG").unwrap_or_else(|| QUIET.to_owned());
    let format = if output.json { LogFormat::Json } else { LogFormat::for_standard_error() };
    let log = start_log(format, &filter);
    let (brakes, hangups) = (BrakeSignals::listen(), Hangups::listen());
    // One that is gone later is missed, and not taken for nothing.
    let file = load::meant(file);
    let config = load::config(file)?;
    log.set(&config.log_filter);
    config.check_production()?;
    // The port first: who finds it taken has changed nothing.
    let listener = listen(config.http.bind, config.http.port).await?;
    let (mut tape, clock) = (Tape::recording(&record)?, Clock::system());
    let way = tape.way(&config, &clock)?;
    let App { runner, complaints } = build_going(&config, clock, Patience::OF_A_DAEMON, way).await?;
    complaints.iter().for_each(tell);
    tape.begin("run", &runner, &config, output).await?;
    let stop = runner.deps().stop.clone();
    stop_on_signal(stop.clone());
    brakes.brake(Arc::clone(&runner));
    let missing_keys = config.missing_keys();
    warn(&config, &missing_keys);
    let (address, ledger) = (listener.local_addr()?, runner.deps().ledger.url().to_string());
    let (interval, concurrency) = (config.runner.tick_interval, config.runner.concurrency);
    let schedule = if config.schedule.is_some() { "calendar" } else { "since_last" };
    tracing::info!(%address, ?interval, concurrency, schedule, paused = runner.is_paused(), ledger, "persona-host listens");
    let (remote, commands) = Runner::door();
    let timer = missing_keys.is_empty();
    let face = Face {
        runner: runner.clone(),
        remote,
        production: config.runner.production,
        missing_keys,
        lock: lock(&config),
    };
    let serving = tokio::spawn(serve(listener, face, stop));
    let notifier = Notifier::default();
    notifier.follow(Arc::clone(&runner));
    let (own, file) = (Arc::clone(&runner), file.map(Path::to_owned));
    hangups.obey(Daemon { runner: own, log, notifier, file, config });
    runner.clone().serve(commands, timer).await;
    finish(serving).await?;
    runner.deps().mana.sign_out_all().await;
    runner.deps().events.flush(LAST_TRACES).await;
    runner.close().await;
    tape.end(Ok(()), output).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for open answers, but not long: one may wait for a tick that takes minutes.
pub(super) async fn finish(serving: JoinHandle<io::Result<()>>) -> Result<(), Failure> {
    let stop = serving.abort_handle();
    match tokio::time::timeout(LAST_ANSWERS, serving).await {
        Ok(served) => Ok(served.map_err(io::Error::other)??),
        Err(_) => {
            stop.abort();
            Ok(())
        }
    }
}

/// What is complained about, by how bad it is.
fn tell(complaint: &Complaint) {
    if complaint.is_blocking() {
        tracing::error!(cause = %complaint, "a strategy cannot be served; turns under it will fault");
    } else {
        tracing::warn!(cause = %complaint, "a plugin is served by a build that was kept");
    }
}

/// What an operator has to know at start (contract 7.3).
fn warn(config: &Config, missing_keys: &[&str]) {
    for key in missing_keys {
        tracing::warn!(key, "key missing: the loop is off; /health and /diag/login stay");
    }
    for told in unknown_variables(load::variables()) {
        tracing::warn!("{told}");
    }
    for told in load::too_narrow(config) {
        tracing::warn!("{told}");
    }
    for variable in &config.open_secrets {
        tracing::warn!(variable, "every user of this machine may read the file that it names: chmod 600");
    }
    if config.mana.seed_secret.expose_secret().is_empty() {
        tracing::warn!("PERSONA_SEED_SECRET is empty: no persona can sign in");
    }
    let is_free = config.http.bind.to_canonical().is_loopback() && !config.http.require_token;
    let is_set = |token: &SecretString| !token.expose_secret().is_empty();
    if !is_free && !is_set(&config.http.admin_token) && !is_set(&config.http.view_token) {
        let bind = config.http.bind;
        tracing::warn!(%bind, "only /health is answered, because everything else needs a token: set PERSONA_ADMIN_TOKEN, or bind to loopback without http.require_token");
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        let (exit, code) = match error.cause.kind() {
            io::ErrorKind::AddrInUse => (Exit::PortTaken, Code::PortTaken),
            _ => (Exit::Configuration, Code::AddressUnusable),
        };
        Self::new(exit, code, error.to_string()).hint(error.hint())
    }
}
