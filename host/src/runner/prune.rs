//! What is old in the ledger goes, beside everything else.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta};

use super::parts::Runner;
use crate::store::LedgerError;

/// Turns at once: whoever writes meanwhile waits for no more than these.
const AT_ONCE: u32 = 20;
/// Events at once.
const EVENTS_AT_ONCE: u32 = 1_000;
/// So many events are kept at most, however young: some 60 MB.
const MOST_EVENTS: u32 = 200_000;

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
            if let Err(error) = runner.prune_events().await {
                tracing::warn!(cause = %error, hint = error.hint(), "old events stay in the ledger for now");
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

    async fn prune_events(&self) -> Result<(), LedgerError> {
        let keep = TimeDelta::from_std(self.options.keep_events).unwrap_or(TimeDelta::MAX);
        let before = self.deps.clock.now().checked_sub_signed(keep).unwrap_or(DateTime::UNIX_EPOCH);
        while !self.stop.is_cancelled()
            && self.deps.ledger.prune_events(before, MOST_EVENTS, EVENTS_AT_ONCE).await? == EVENTS_AT_ONCE
        {
        }
        Ok(())
    }
}
