//! Delivering what the outbox holds, until mana-auth has acknowledged it.

use chrono::TimeDelta;

use super::parts::Runner;
use crate::store::{Failed, LedgerError, Waiting};
use domain::event::Event;

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
    /// Delivers what is due, in order. The first failure that is mana-auth's own (it is down, say)
    /// ends the pass: what follows would meet the same.
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
        let mut flushed = Flushed::default();
        for waiting in self.deps.ledger.deliveries().await? {
            let ok = self.deliver(&waiting).await?;
            flushed.waiting = self.deps.ledger.deliveries_waiting().await?;
            let kind = waiting.delivery.rows.kind();
            self.deps.events.emit(Event::Delivered {
                kind,
                ok: ok == Delivered::Yes,
                waiting: flushed.waiting,
            });
            match ok {
                Delivered::Yes => flushed.delivered += 1,
                Delivered::Never => flushed.failed += 1,
                Delivered::Later => {
                    flushed.failed += 1;
                    break;
                }
            }
        }
        Ok(flushed)
    }

    async fn deliver(&self, waiting: &Waiting) -> Result<Delivered, LedgerError> {
        let ledger = &self.deps.ledger;
        match self.deps.mana.deliver(&waiting.delivery).await {
            Ok(()) => {
                ledger.delivered(waiting.seq).await?;
                Ok(Delivered::Yes)
            }
            Err(error) if error.is_worth_repeating() => {
                let at = self.deps.clock.now() + wait_after(waiting.tries);
                ledger.not_delivered(waiting.seq, &error.to_string(), Failed::RepeatAt(at)).await?;
                Ok(Delivered::Later)
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
    Later,
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
