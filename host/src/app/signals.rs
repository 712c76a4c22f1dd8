//! Ctrl-C and SIGTERM.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first signal, and ends the process at the second.
pub(super) fn stop_on_signal(stop: CancellationToken) {
    tokio::spawn(async move {
        next().await;
        tracing::info!("stopping; a second signal ends persona-host at once");
        stop.cancel();
        next().await;
        std::process::exit(130);
    });
}

/// Waits for a signal. Where signals cannot be had, waits for ever.
pub(super) async fn next() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
