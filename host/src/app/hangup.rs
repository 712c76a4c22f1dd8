//! SIGHUP: `run` reads its configuration anew, takes over what can change while it runs, and says what cannot. A file that
//! is no good changes nothing.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::notify::Notifier;
use crate::cli::{Failure, load};
use crate::config::{Change, Config, ConfigError, changes};
use crate::runner::Runner;
use crate::store::LedgerError;
use crate::telemetry::LogFilter;

/// SIGHUP, heard from the moment at which this is made; before, it would kill.
pub(super) struct Hangups(Option<Signal>);

/// What a changed configuration is taken over into.
pub(super) struct Daemon {
    pub(super) runner: Arc<Runner>,
    pub(super) log: LogFilter,
    pub(super) notifier: Notifier,
    /// The file that was read at the start.
    pub(super) file: Option<PathBuf>,
    /// What counts now, and what needs a restart to.
    pub(super) config: Config,
}

impl Hangups {
    /// From now on it does not kill.
    pub(super) fn listen() -> Self {
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Reads the configuration anew at each of them. One that came before is obeyed now.
    pub(super) fn obey(self, mut daemon: Daemon) {
        let Some(mut hangups) = self.0 else { return };
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                daemon.notifier.reloading();
                daemon.read_anew().await;
                daemon.notifier.reloaded();
            }
        });
    }
}

impl Daemon {
    async fn read_anew(&mut self) {
        let found = match self.found() {
            Ok(found) => found,
            Err(error) => {
                let cause = error.in_one_line();
                return tracing::error!(cause, "the configuration cannot be used: nothing is changed");
            }
        };
        if let Err(failure) = check(&found) {
            let cause = failure.line();
            return tracing::error!(cause, "the configuration cannot be used: nothing is changed");
        }
        let (mut taken, left): (Vec<Change>, Vec<Change>) =
            changes(&self.config, &found).into_iter().partition(|change| change.why_not.is_none());
        if taken.is_empty() && left.is_empty() {
            return tracing::info!("the configuration was read anew: nothing in it has changed");
        }
        for Change { key, before, after, why_not } in &left {
            tracing::warn!(key, before, after, why = why_not, "this change needs a restart");
        }
        if taken.iter().any(is_of_budget)
            && let Err(error) = self.take_budget_over(&found).await
        {
            let hint = "the budget stays as it was: mend the ledger, and send SIGHUP again";
            tracing::error!(cause = %error, hint, "the ledger does not say what is spent of the new budget");
            taken.retain(|change| !is_of_budget(change));
        }
        self.take_over(&found, &taken);
        for Change { key, before, after, .. } in &taken {
            tracing::info!(key, before, after, "changed");
        }
        tracing::info!(changed = taken.len(), need_restart = left.len(), "the configuration was read anew");
    }

    /// A pipe, such as `<(…)` of a shell, has said what was in it: it would be waited for, or be taken for an empty file.
    fn found(&self) -> Result<Config, ConfigError> {
        let file = self.file.as_deref();
        match file.filter(|path| std::fs::metadata(path).is_ok_and(|own| !own.is_file() && !own.is_dir())) {
            Some(path) => {
                let cause = io::Error::other("it is no file that can be read more than once");
                Err(ConfigError::Unreadable { path: path.to_owned(), cause })
            }
            None => load::config(file),
        }
    }

    /// Takes the budget over; where the ledger cannot be read, nothing of it.
    async fn take_budget_over(&mut self, found: &Config) -> Result<(), LedgerError> {
        let deps = self.runner.deps();
        deps.budget.change(found.budget.clone(), &deps.ledger, self.config.model.max_tokens).await?;
        self.config.budget.clone_from(&found.budget);
        Ok(())
    }

    /// Takes the others over. What needs a restart stays as it was, and is told again the next time.
    fn take_over(&mut self, found: &Config, taken: &[Change]) {
        let is_taken = |key: &str| taken.iter().any(|change| change.key == key);
        let (own, runner) = (&mut self.config, &self.runner);
        if is_taken("log.filter") {
            self.log.set(&found.log_filter);
            own.log_filter.clone_from(&found.log_filter);
        }
        if is_taken("runner.concurrency") {
            own.runner.concurrency = found.runner.concurrency;
            runner.set_concurrency(own.runner.concurrency);
        }
        if is_taken("runner.tick_interval") {
            own.runner.tick_interval = found.runner.tick_interval;
            runner.set_tick_interval(own.runner.tick_interval);
        }
        if is_taken("store.keep") {
            own.store.keep = found.store.keep;
            runner.set_keep(own.store.keep);
        }
        if is_taken("runner.paused") {
            own.runner.paused = found.runner.paused;
            runner.pause_as_configured(own.runner.paused);
        }
        own.shown = own
            .shown
            .iter()
            .filter(|shown| !is_taken(&shown.key))
            .chain(found.shown.iter().filter(|shown| is_taken(&shown.key)))
            .cloned()
            .collect();
    }
}

fn is_of_budget(change: &Change) -> bool {
    change.key.starts_with("budget.")
}

/// What the start asks of a configuration, too.
fn check(config: &Config) -> Result<(), Failure> {
    config.check_production()?;
    load::priced(config)
}
