//! Ctrl-C and SIGTERM, which end the program, and SIGUSR1 and SIGUSR2, which pause it and let it go on.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::Exit;
use crate::cli::signals::{Signals, received};
use crate::runner::{AskedBy, Reach, Runner};

/// Cancels `stop` at the first signal, and ends the process at the second.
pub(super) fn stop_on_signal(stop: CancellationToken) {
    // Here and not in the task: a signal that comes before the task does is heard too, and does not kill.
    let mut signals = Signals::listen();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal ends persona-host at once");
        stop.cancel();
        signals.next().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
}

/// SIGUSR1 and SIGUSR2, heard from the moment at which this is made; before, they would kill.
pub(super) struct BrakeSignals {
    pause: Option<Signal>,
    resume: Option<Signal>,
}

impl BrakeSignals {
    /// From now on they do not kill.
    pub(super) fn listen() -> Self {
        Self {
            pause: signal(SignalKind::user_defined1()).ok(),
            resume: signal(SignalKind::user_defined2()).ok(),
        }
    }

    /// SIGUSR1 pauses everybody at once, as `persona-host pause --now` does, and SIGUSR2 ends that: who is logged in on the
    /// machine needs neither HTTP nor a token. What came before is obeyed now.
    pub(super) fn brake(mut self, runner: Arc<Runner>) {
        tokio::spawn(async move {
            loop {
                let braked = tokio::select! {
                    () = received(self.pause.as_mut()) => runner.pause(None, Reach::NoNewStep, AskedBy::Signal, None).await.map(drop),
                    () = received(self.resume.as_mut()) => runner.resume(None).await,
                };
                if let Err(error) = braked {
                    tracing::error!(cause = %error, hint = error.hint(), "the ledger does not keep the pause, or its end");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_that_comes_before_the_task_does_is_heard() {
        let stop = CancellationToken::new();
        stop_on_signal(stop.clone());
        // Nothing else has run on this thread since.
        let own = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &own]).status().expect("a kill command");
        assert!(sent.success());
        stop.cancelled().await;
    }
}
