//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first signal, and ends the process at the second.
pub(super) fn stop_on_signal(stop: CancellationToken) {
    // Here and not in the task: a signal that comes before the task does is heard too, and does not kill.
    let mut signals = Signals::listen();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal ends persona-host at once");
        stop.cancel();
        signals.next().await;
        std::process::exit(130);
    });
}

/// Both signals, heard from the moment at which this is made.
pub(super) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    /// From now on they do not kill. A signal that cannot be had does what it always does.
    pub(super) fn listen() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for one of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            () = received(self.interrupt.as_mut()) => {}
            () = received(self.terminate.as_mut()) => {}
        }
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
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
