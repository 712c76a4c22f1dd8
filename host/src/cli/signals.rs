//! Ctrl-C and SIGTERM, as everything hears them that has to tidy up before it ends.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, heard from the moment at which this is made.
#[derive(Debug)]
pub struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    /// From now on they do not kill. A signal that cannot be had does what it always does.
    #[must_use]
    pub fn listen() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for one of them.
    pub async fn next(&mut self) {
        tokio::select! {
            () = received(self.interrupt.as_mut()) => {}
            () = received(self.terminate.as_mut()) => {}
        }
    }
}

/// Waits for a signal; for ever where it cannot be had.
pub async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
