//! How an answer that lasts ends its connection: of one that nobody reads the end cannot be said, either.

use tokio_util::sync::CancellationToken;

/// The end of the connection that a request came by.
#[derive(Clone, Debug, Default)]
pub(super) struct HangUp(CancellationToken);

impl HangUp {
    /// Ends it, whatever is still to be sent.
    pub(super) fn now(&self) {
        self.0.cancel();
    }

    /// Waits until somebody wants that.
    pub(super) async fn wanted(&self) {
        self.0.cancelled().await;
    }
}
