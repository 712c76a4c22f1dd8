//! Delivering what the outbox holds, until mana-auth has acknowledged it.

use chrono::TimeDelta;

use super::parts::Runner;
use crate::mana::ManaError;
use crate::store::{Failed, LedgerError, Waiting};
use domain::event::Event;

/// So many deliveries are read at once.
const PAGE: u32 = 50;
/// So many failures in a row end a pass: mana-auth is not well, and what follows would meet the same.
const PATIENCE: usize = 10;

/// What a pass over the outbox did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Deliveries that mana-auth acknowledged.
    pub delivered: usize,
    /// Deliveries that it did not.
    pub failed: usize,
    /// Deliveries that wait now.
    pub waiting: u64,
}

impl Runner {
    /// Delivers what is due, what has been due for longest first. What every delivery would meet (mana-auth is
    /// down, say) ends the pass; one that fails alone does not keep others from arriving.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn flush(&self) -> Result<Flushed, LedgerError> {
        let _guard = self.delivering.lock().await;
        self.flush_now().await
    }

    /// The same, unless somebody else is at it.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn flush_if_idle(&self) -> Result<Flushed, LedgerError> {
        match self.delivering.try_lock() {
            Ok(_guard) => self.flush_now().await,
            Err(_) => Ok(Flushed::default()),
        }
    }

    async fn flush_now(&self) -> Result<Flushed, LedgerError> {
        let mut flushed =
            Flushed { waiting: self.deps.ledger.deliveries_waiting().await?, ..Flushed::default() };
        let mut failed_in_a_row = 0;
        loop {
            let page = self.deps.ledger.deliveries(PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            for waiting in page {
                let outcome = self.deliver(&waiting).await?;
                flushed.waiting = self.deps.ledger.deliveries_waiting().await?;
                let (kind, ok) = (waiting.kind, outcome == Delivered::Yes);
                self.deps.events.emit(Event::Delivered { kind, ok, waiting: flushed.waiting });
                if ok {
                    flushed.delivered += 1;
                    failed_in_a_row = 0;
                    continue;
                }
                flushed.failed += 1;
                failed_in_a_row += usize::from(outcome == Delivered::Later);
                if outcome == Delivered::NotNow || failed_in_a_row == PATIENCE {
                    return Ok(flushed);
                }
            }
            if is_last {
                return Ok(flushed);
            }
        }
    }

    async fn deliver(&self, waiting: &Waiting) -> Result<Delivered, LedgerError> {
        let ledger = &self.deps.ledger;
        let delivery = match &waiting.delivery {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::error!(cause = %error, hint = error.hint(), "a delivery cannot be read; it is set aside");
                ledger.not_delivered(waiting.seq, &error.to_string(), Failed::Refused).await?;
                return Ok(Delivered::Never);
            }
        };
        match self.deps.mana.deliver(delivery).await {
            Ok(()) => {
                ledger.delivered(waiting.seq).await?;
                Ok(Delivered::Yes)
            }
            Err(error) if error.is_worth_repeating() => {
                let at = self.deps.clock.now() + wait_after(waiting.tries);
                ledger.not_delivered(waiting.seq, &error.to_string(), Failed::RepeatAt(at)).await?;
                // Only an answer can be about this delivery alone.
                let of_its_own = matches!(error, ManaError::Refused { status: 500.., .. });
                Ok(if of_its_own { Delivered::Later } else { Delivered::NotNow })
            }
            Err(error) => {
                tracing::error!(cause = %error, hint = error.hint(), "mana-auth will never take a delivery; it stays in the ledger");
                ledger.not_delivered(waiting.seq, &error.to_string(), Failed::Refused).await?;
                Ok(Delivered::Never)
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivered {
    Yes,
    /// It is tried again; others may well arrive.
    Later,
    /// It is tried again, and no other would arrive either.
    NotNow,
    Never,
}

/// Five seconds, doubled with each try, ten minutes at most.
fn wait_after(tries: u32) -> TimeDelta {
    TimeDelta::seconds(5 << tries.min(7)).min(TimeDelta::minutes(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_ten_minutes() {
        let seconds: Vec<i64> = [0, 1, 6, 7, 1000].map(|tries| wait_after(tries).num_seconds()).to_vec();
        assert_eq!(seconds, [5, 10, 320, 600, 600]);
    }
}
