//! Delivering what the outbox holds, until mana-auth has acknowledged it.

use std::mem;
use std::ops::ControlFlow;

use super::left_alone::{Again, LeftAlone, wait_after};
use super::parts::Runner;
use crate::mana::ManaError;
use crate::store::{Failed, LedgerError, Waiting};
use domain::event::Event;

/// So many deliveries are read at once.
const PAGE: u32 = 50;
/// So many acknowledgments are kept in one write at most.
const TOGETHER: usize = 16;
/// So many failures in a row end a pass: mana-auth, or the ledger, is not well, and what follows would meet the same.
const PATIENCE: usize = 10;

/// What a pass over the outbox did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Deliveries that mana-auth acknowledged.
    pub delivered: usize,
    /// Deliveries that it did not, or of which the ledger could not keep what it said.
    pub failed: usize,
    /// Deliveries that wait now.
    pub waiting: u64,
}

impl Runner {
    /// Delivers what is due, what has been due for longest first, each at most once. What every delivery would meet
    /// (mana-auth is down, say) ends the pass; one that fails alone does not keep others from arriving.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn flush(&self) -> Result<Flushed, LedgerError> {
        let mut left_alone = self.delivering.lock().await;
        self.flush_now(&mut left_alone).await
    }

    /// The same, unless somebody else is at it.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn flush_if_idle(&self) -> Result<Flushed, LedgerError> {
        match self.delivering.try_lock() {
            Ok(mut left_alone) => self.flush_now(&mut left_alone).await,
            Err(_) => Ok(Flushed::default()),
        }
    }

    async fn flush_now(&self, left_alone: &mut LeftAlone) -> Result<Flushed, LedgerError> {
        let mut pass = Pass::default();
        pass.flushed.waiting = self.deps.ledger.deliveries_waiting().await?;
        let through = self.pass(&mut pass, left_alone).await;
        let kept = self.keep_acknowledged(&mut pass, left_alone).await;
        pass.tell_what_was_not_kept();
        through.and(kept.map(drop)).map(|()| pass.flushed)
    }

    async fn pass(&self, pass: &mut Pass, left_alone: &mut LeftAlone) -> Result<(), LedgerError> {
        let ledger = &self.deps.ledger;
        let mut page = ledger.deliveries(PAGE).await?;
        // The ledger cannot put these off, so they are put last here.
        let mut last = Vec::new();
        loop {
            let next = match page.last() {
                Some(waiting) if page.len() == PAGE as usize => {
                    ledger.deliveries_after(waiting, PAGE).await?
                }
                _ => Vec::new(),
            };
            for waiting in page {
                match left_alone.of(waiting.seq, self.deps.clock.now()) {
                    None if self.deliver(&waiting, pass, left_alone).await?.is_break() => return Ok(()),
                    Some(Again::Now) if last.len() < PAGE as usize => last.push(waiting),
                    _ => {}
                }
            }
            if next.is_empty() {
                break;
            }
            page = next;
        }
        for waiting in last {
            if self.deliver(&waiting, pass, left_alone).await?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Sends one. That it was acknowledged is kept with others of which the same is known.
    async fn deliver(
        &self,
        waiting: &Waiting,
        pass: &mut Pass,
        left_alone: &mut LeftAlone,
    ) -> Result<ControlFlow<()>, LedgerError> {
        let sent = match &waiting.delivery {
            Ok(delivery) => self.deps.mana.deliver(delivery).await,
            Err(error) => {
                tracing::error!(cause = %error, hint = error.hint(), "a delivery cannot be read; it is set aside");
                let kept =
                    self.deps.ledger.not_delivered(waiting.seq, &error.to_string(), Failed::Refused).await;
                return self.note((waiting.seq, waiting.kind), Delivered::Never, kept, pass, left_alone);
            }
        };
        let Err(error) = sent else {
            pass.acknowledged.push((waiting.seq, waiting.kind));
            pass.failed_in_a_row = 0;
            return match pass.acknowledged.len() {
                TOGETHER.. => self.keep_acknowledged(pass, left_alone).await,
                _ => Ok(ControlFlow::Continue(())),
            };
        };
        let (outcome, next) = self.after(&error, waiting.tries);
        let kept = self.deps.ledger.not_delivered(waiting.seq, &error.to_string(), next).await;
        self.note((waiting.seq, waiting.kind), outcome, kept, pass, left_alone)
    }

    /// What becomes of a delivery that was not acknowledged.
    fn after(&self, error: &ManaError, tries: u32) -> (Delivered, Failed) {
        if error.is_worth_repeating() {
            // Only an answer can be about this delivery alone.
            let of_its_own = matches!(error, ManaError::Refused { status: 500.., .. });
            let outcome = if of_its_own { Delivered::Later } else { Delivered::NotNow };
            let at = self.deps.clock.now() + wait_after(tries);
            return (outcome, Failed::RepeatAt(error.not_before().map_or(at, |told| told.max(at))));
        }
        tracing::error!(cause = %error, hint = error.hint(), "mana-auth will never take a delivery; it stays in the ledger");
        (Delivered::Never, Failed::Refused)
    }

    /// Keeps in one write what mana-auth has acknowledged, or each by itself if the ledger refuses one of them.
    async fn keep_acknowledged(
        &self,
        pass: &mut Pass,
        left_alone: &mut LeftAlone,
    ) -> Result<ControlFlow<()>, LedgerError> {
        let acknowledged = mem::take(&mut pass.acknowledged);
        if acknowledged.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let all: Vec<i64> = acknowledged.iter().map(|(seq, _)| *seq).collect();
        let together = match self.deps.ledger.delivered(&all).await {
            Err(error) if error.is_of_one_write() => None,
            kept => Some(kept?),
        };
        let mut next = ControlFlow::Continue(());
        for one in acknowledged {
            let kept = match together {
                Some(still_waiting) => Ok(still_waiting),
                None => self.deps.ledger.delivered(&[one.0]).await,
            };
            if self.note(one, Delivered::Yes, kept, pass, left_alone)?.is_break() {
                next = ControlFlow::Break(());
            }
        }
        Ok(next)
    }

    /// Remembers what came of one, and tells it.
    fn note(
        &self,
        (seq, kind): (i64, &'static str),
        outcome: Delivered,
        kept: Result<u64, LedgerError>,
        pass: &mut Pass,
        left_alone: &mut LeftAlone,
    ) -> Result<ControlFlow<()>, LedgerError> {
        let outcome = match kept {
            Ok(still_waiting) => {
                left_alone.remove(seq);
                pass.flushed.waiting = still_waiting;
                outcome
            }
            Err(error) if error.is_of_one_write() => {
                left_alone.add(seq, self.deps.clock.now());
                pass.not_kept.push(error);
                if outcome == Delivered::NotNow { outcome } else { Delivered::Later }
            }
            Err(error) => return Err(error),
        };
        let ok = outcome == Delivered::Yes;
        self.deps.events.emit(Event::Delivered { kind, ok, waiting: pass.flushed.waiting });
        Ok(pass.after(outcome))
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

/// How a pass stands.
#[derive(Default)]
struct Pass {
    flushed: Flushed,
    /// What mana-auth has acknowledged and the ledger does not know yet: number and kind. Should it never, they are sent
    /// again, which adds nothing.
    acknowledged: Vec<(i64, &'static str)>,
    failed_in_a_row: usize,
    /// Why the ledger did not keep what came of deliveries.
    not_kept: Vec<LedgerError>,
}

impl Pass {
    /// Counts what came of a delivery, and says whether to leave it at that.
    fn after(&mut self, outcome: Delivered) -> ControlFlow<()> {
        if outcome == Delivered::Yes {
            self.flushed.delivered += 1;
            self.failed_in_a_row = 0;
            return ControlFlow::Continue(());
        }
        self.flushed.failed += 1;
        self.failed_in_a_row += usize::from(outcome == Delivered::Later);
        if outcome == Delivered::NotNow || self.failed_in_a_row == PATIENCE {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn tell_what_was_not_kept(&self) {
        if let Some(error) = self.not_kept.first() {
            let deliveries = self.not_kept.len();
            tracing::error!(
                deliveries,
                cause = %error,
                hint = "they are sent again, which adds nothing at mana-auth; a trigger, or a row that was changed by \
                        hand, is in the way: `sqlite3 FILE .schema` shows triggers",
                "the ledger does not take what came of deliveries, the first for this"
            );
        }
    }
}
