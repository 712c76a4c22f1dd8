//! The end: no new turn, running ones reach their next boundary, what is kept is delivered.

use std::time::Duration;

use super::parts::Runner;
use domain::event::Event;

/// How long turns may take to keep what they did once their time is over.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long the last deliveries may take.
const LAST_FLUSH: Duration = Duration::from_secs(5);

impl Runner {
    /// Ends what runs. A turn finishes the step that it is in and begins no other; when the time is over it is
    /// cut off. Either way it keeps what it did. Should one not even manage that, the next start does it from
    /// the journal.
    pub(super) async fn drain(&self) {
        self.stop.cancel();
        self.beside.close();
        self.turns.close();
        let running = self.turns.len();
        self.deps.events.emit(Event::Stopping { running });
        if running > 0 {
            tracing::info!(running, "waiting for running turns to reach a boundary");
        }
        if tokio::time::timeout(self.options.drain, self.at_rest()).await.is_err() {
            tracing::info!(left = self.turns.len(), "some turns wait for an answer and are cut off");
            self.deps.cut.cancel();
            if tokio::time::timeout(LAST_WORDS, self.at_rest()).await.is_err() {
                tracing::warn!(left = self.turns.len(), "some turns did not stop; the next start ends them");
            }
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

    /// Waits until nothing runs. Ticks first: one may be about to begin its last turn.
    async fn at_rest(&self) {
        self.beside.wait().await;
        self.turns.wait().await;
    }
}
