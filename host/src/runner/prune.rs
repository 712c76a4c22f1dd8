//! What is old in the ledger goes, beside everything else.

use std::sync::Arc;

use chrono::TimeDelta;

use super::parts::Runner;
use crate::store::LedgerError;

/// Turns at once: whoever writes meanwhile waits for no more than these.
const AT_ONCE: u32 = 20;

impl Runner {
    /// Removes what is older than the ledger keeps, a little at a time.
    pub(super) fn prune_beside(self: &Arc<Self>) {
        let runner = Arc::clone(self);
        self.beside.spawn(async move {
            match runner.prune().await {
                Ok(0) => {}
                Ok(turns) => tracing::info!(turns, "what was old of these turns has left the ledger"),
                Err(error) => {
                    tracing::warn!(cause = %error, hint = error.hint(), "what is old stays in the ledger for now");
                }
            }
        });
    }

    async fn prune(&self) -> Result<u32, LedgerError> {
        let keep = TimeDelta::from_std(self.keep()).unwrap_or(TimeDelta::MAX);
        let Some(before) = self.deps.clock.now().checked_sub_signed(keep) else { return Ok(0) };
        let mut turns = 0_u32;
        while !self.stop.is_cancelled() {
            let pruned = self.deps.ledger.prune(before, AT_ONCE).await?;
            turns = turns.saturating_add(pruned);
            if pruned < AT_ONCE {
                break;
            }
        }
        Ok(turns)
    }
}
