//! Log lines: fixed messages, values as fields. Never a secret, and no prompt or reply at all.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use super::in_flight::UnderWay;
use super::turn_line;
use domain::event::Event;
use domain::letter::{for_a_terminal, in_json, one_line};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// For people on a terminal, JSON everywhere else.
    #[must_use]
    pub fn for_standard_error() -> Self {
        if std::io::stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// What is logged, which can be changed at any time. Clones are the same.
#[derive(Clone)]
pub struct LogFilter(Arc<dyn Fn(&str) + Send + Sync>);

impl LogFilter {
    /// From now on this, in the words of `RUST_LOG`.
    pub fn set(&self, filter: &str) {
        (self.0)(filter);
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogFilter")
    }
}

/// Sends log lines to standard error. `filter` is in the words of `RUST_LOG`; a second call does nothing.
pub fn start_log(format: LogFormat, filter: &str) -> LogFilter {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(move || Line { format, to: std::io::stderr() })
        .with_target(false);
    // Each of both is a type of its own, and so is what changes it.
    match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
            let handle = lines.reload_handle();
            drop(lines.try_init());
            LogFilter(Arc::new(move |filter| drop(handle.reload(EnvFilter::new(filter)))))
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let handle = lines.reload_handle();
            drop(lines.try_init());
            LogFilter(Arc::new(move |filter| drop(handle.reload(EnvFilter::new(filter)))))
        }
    }
}

/// Writes one event, whatever its fields quote: one line, in which nothing acts.
struct Line<W> {
    format: LogFormat,
    to: W,
}

impl<W: Write> Write for Line<W> {
    /// An event is written at once.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.trim_end_matches('\n');
        let line = match self.format {
            LogFormat::Text => for_a_terminal(&line.replace('\n', " / ")),
            LogFormat::Json => in_json(line),
        };
        self.to.write_all((line + "\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes an event down, if an operator would want to read it; `turn` is the one that it is of.
pub(super) fn write(event: &Event, turn: Option<&UnderWay>) {
    match event {
        Event::TickEnded { due: 0, faults: 0, .. } => tracing::debug!("tick: nobody is due"),
        Event::TickEnded { due, completed, faults, held, took } => {
            tracing::info!(due, completed, faults, held, took_ms = millis(*took), "tick ended");
        }
        Event::Held { email, reason } => tracing::debug!(email, reason, "persona held"),
        Event::ForeignActivity { email, last_active_at, ours } => {
            let hint = "two runners on one mana-auth play each persona twice: stop one of them; a ledger from a \
                        backup says this too";
            tracing::warn!(email, %last_active_at, %ours, hint, "somebody else delivered for a persona");
        }
        Event::SlotsLeftOut { late, busy } => {
            tracing::warn!(late, busy, "slots were left out: too late for them, or their personas were busy");
        }
        Event::ScheduleFitsNobody { entries, known } => {
            let hint =
                "compare them with `persona-host personas schedule`; who has never been due is not known yet";
            let entries = entries.join(", ");
            tracing::warn!(entries, known, hint, "entries of the schedule fit no persona that is known");
        }
        Event::Backlog { waiting, utilisation, news: true } if *utilisation > 1.0 => {
            let hint = "raise runner.concurrency, or let personas come less often or in a longer window";
            tracing::warn!(
                waiting,
                utilisation,
                hint,
                "more are due than can be served before they are due again"
            );
        }
        Event::Backlog { waiting, utilisation, news: true } => {
            tracing::info!(waiting, utilisation, "who is due can be served in time again");
        }
        Event::SignInWaits { email, until } => {
            tracing::info!(email, %until, "mana-auth takes no more sign-ins at once; this one waits");
        }
        Event::SignInsStopped { refused, until, hint } => {
            let refused = refused.join(", ");
            tracing::error!(refused, %until, hint, "passwords are refused: nobody signs in until one is tried again");
        }
        Event::SignInsGoOn => tracing::info!("a password is accepted: sign-ins go on"),
        Event::EntryUnreadable { who, reason } => {
            let (who, reason) = (one_line(who), one_line(reason));
            let hint = "correct the persona in mana-auth; the others have their turns";
            tracing::warn!(who, reason, hint, "an entry of the list of who is due cannot be read");
        }
        Event::TurnStarted { turn, email, attempt } => {
            tracing::debug!(%turn, email, attempt, "turn started");
        }
        Event::TurnEnded { .. } => turn_line::write(event, turn),
        Event::Delivered { kind, ok: false, waiting } => {
            tracing::warn!(kind, waiting, "mana-auth did not take a delivery; it is kept and repeated");
        }
        Event::PluginLogged { strategy, plugin, level, message } => {
            plugin_line(strategy.as_str(), plugin.as_str(), level, message);
        }
        Event::PluginLoaded { .. }
        | Event::PluginRefused { .. }
        | Event::PluginOrphaned { .. }
        | Event::PluginUnused { .. }
        | Event::PluginQuarantined { .. }
        | Event::PluginRecovered { .. } => write_plugin(event),
        Event::Paused { email: None, paused: true, stopped } => {
            tracing::info!(stopped, "all personas are paused");
        }
        Event::Paused { email: None, paused: false, .. } => {
            tracing::info!("the pause of all personas is over")
        }
        Event::Paused { email: Some(email), paused: true, stopped } => {
            tracing::info!(email, stopped, "a persona is paused");
        }
        Event::Paused { email: Some(email), paused: false, .. } => {
            tracing::info!(email, "the pause of a persona is over");
        }
        Event::UpstreamChanged { .. }
        | Event::ModelChanged { .. }
        | Event::CooledDown { .. }
        | Event::ModelRepeated { .. } => {
            write_upstream(event);
        }
        Event::Started { .. }
        | Event::Stopping { .. }
        | Event::TickStarted { .. }
        // Whoever asked for it tells it, with what to do.
        | Event::TickFailed { .. }
        | Event::Backlog { .. }
        | Event::TurnAssigned { .. }
        | Event::StageEnded { .. }
        | Event::ModelFailed { .. }
        | Event::ModelCalled { .. }
        | Event::ToolCalled { .. }
        | Event::PluginCalled { .. }
        | Event::Delivered { .. } => {}
    }
}

/// How the upstreams do.
fn write_upstream(event: &Event) {
    match event {
        Event::UpstreamChanged { upstream, state: "open", until, why } => {
            let (upstream, until, cause) = (upstream.name(), until.map(|at| at.to_rfc3339()), one_line(why));
            let hint =
                "nothing is begun that needs it, and nobody is held for it; it is tried again by itself";
            tracing::error!(upstream, until, cause, hint, "an upstream does not do its work");
        }
        Event::UpstreamChanged { upstream, state: "closed", .. } => {
            tracing::info!(upstream = upstream.name(), "an upstream does its work again");
        }
        Event::UpstreamChanged { upstream, .. } => {
            tracing::info!(upstream = upstream.name(), "an upstream is tried with one turn");
        }
        Event::ModelChanged { model, state: "refused", until, why } => {
            let (until, cause) = (until.map(|at| at.to_rfc3339()), one_line(why));
            let hint =
                "no turn is begun that asks it, and nobody is held for it; it is tried again by itself";
            tracing::error!(model, until, cause, hint, "a model cannot be asked");
        }
        Event::ModelChanged { model, .. } => tracing::info!(model, "a model can be asked again"),
        Event::CooledDown { family, cause, wait, window } => {
            let wait_ms = millis(*wait);
            tracing::info!(
                family,
                cause,
                wait_ms,
                window,
                "no call to Claude leaves for a while: it asked for that"
            );
        }
        Event::ModelRepeated { family, cause, attempts, wait, why, maybe_paid } => {
            let (wait_ms, why) = (millis(*wait), one_line(why));
            tracing::warn!(
                family,
                attempts,
                wait_ms,
                code = cause,
                cause = why,
                maybe_paid,
                "a call to Claude failed and is repeated"
            );
        }
        _ => {}
    }
}

/// What becomes of builds and generations. Causes quote files and plugins, so each is one line that
/// does nothing.
fn write_plugin(event: &Event) {
    match event {
        Event::PluginLoaded { plugin, generation, version, sha256, on_trial, warnings, took } => {
            let (plugin, generation, sha256) = (plugin.as_str(), generation.0, sha256.short());
            tracing::info!(
                plugin,
                generation,
                version,
                sha256,
                on_trial,
                took_ms = millis(*took),
                "plugin loaded"
            );
            for warning in warnings {
                let warning = one_line(warning);
                tracing::warn!(plugin, generation, warning, "plugin loaded, but it is not as it should be");
            }
        }
        Event::PluginRefused { plugin, stage, cause, hint, still_serving } => {
            let (still_serving, cause) = (still_serving.as_deref(), one_line(cause));
            tracing::error!(plugin = plugin.as_str(), stage, cause, hint, still_serving, "plugin refused");
        }
        Event::PluginOrphaned { plugin, orphaned: true } => {
            tracing::warn!(plugin = plugin.as_str(), "the plugin's file is gone; it is served from memory");
        }
        Event::PluginOrphaned { plugin, orphaned: false } => {
            tracing::info!(plugin = plugin.as_str(), "the plugin's file is there again");
        }
        Event::PluginUnused { plugin } => {
            let hint = format!("add [strategies.{plugin}] with plugin = \"{plugin}\", and start again");
            tracing::warn!(plugin = plugin.as_str(), hint, "no strategy uses this plugin's file");
        }
        Event::PluginQuarantined { plugin, generation, function, cause, until } => {
            let (plugin, generation, cause) = (plugin.as_str(), generation.0, one_line(cause));
            tracing::error!(plugin, generation, function, cause, %until, "plugin quarantined: it broke down too often");
        }
        Event::PluginRecovered { plugin, generation, after_trial } => {
            let (plugin, generation) = (plugin.as_str(), generation.0);
            tracing::info!(plugin, generation, after_trial, "plugin serves everybody again");
        }
        _ => {}
    }
}

/// A plugin's text is untrusted: it goes out as a field of one line, never as the message. What it finds
/// odd or broken concerns the operator; the rest concerns its author, and may quote a prompt.
fn plugin_line(strategy: &str, plugin: &str, level: &str, said: &str) {
    let said = one_line(said);
    match level {
        "error" => tracing::error!(strategy, plugin, said, "plugin"),
        "warn" => tracing::warn!(strategy, plugin, said, "plugin"),
        _ => tracing::debug!(strategy, plugin, said, "plugin"),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_it_quotes() {
        for (format, event, line) in [
            (
                LogFormat::Text,
                "INFO turn\nINFO forged \u{202e}x\u{9b}\n",
                "INFO turn / INFO forged \u{fffd}x\u{fffd}\n",
            ),
            (LogFormat::Text, "\u{1b}[2mINFO\u{1b}[0m a\n", "\u{1b}[2mINFO\u{1b}[0m a\n"),
            (LogFormat::Json, "{\"a\":\"\u{202e}\"}\n", "{\"a\":\"\\u202e\"}\n"),
        ] {
            let mut to = Vec::new();
            Line { format, to: &mut to }.write_all(event.as_bytes()).expect("memory can be written");
            assert_eq!(String::from_utf8(to).expect("it is text"), line);
        }
    }
}
