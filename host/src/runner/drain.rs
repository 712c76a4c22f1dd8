//! The end: no new turn, running ones reach their next boundary, what is kept is delivered.

use std::time::Duration;

use super::parts::Runner;

/// How long the last deliveries may take.
const LAST_FLUSH: Duration = Duration::from_secs(5);

impl Runner {
    /// Ends what runs. Turns stop at their next boundary and keep what they did; one that does not
    /// get there in time is marked as interrupted when the ledger is opened next.
    pub(super) async fn drain(&self) {
        self.stop.cancel();
        self.turns.close();
        let running = self.turns.len();
        if running > 0 {
            tracing::info!(running, "waiting for running turns to reach a boundary");
        }
        if tokio::time::timeout(self.options.drain, self.turns.wait()).await.is_err() {
            let left = self.turns.len();
            tracing::warn!(left, "some turns took too long to stop; the next start takes note of them");
        }
        match tokio::time::timeout(LAST_FLUSH, self.flush()).await {
            Ok(Ok(flushed)) if flushed.waiting > 0 => {
                tracing::warn!(waiting = flushed.waiting, "deliveries are kept for the next start");
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(cause = %error, "the outbox cannot be read"),
            Err(_) => tracing::warn!("the last deliveries took too long; they are kept for the next start"),
        }
    }
}
