//! What clones of a recorder and the exchanges under way share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::draft::Draft;
use super::writing::Order;
use crate::outbound::tape::EXCHANGES;
use domain::clock::Clock;

/// So many bytes may wait for the disk; what comes then is lost to the recording.
pub(super) const MOST_WAITING: usize = 64 << 20;

/// The recorder's own.
#[derive(Debug)]
pub(in crate::outbound) struct Inside {
    pub(super) fresh: Fresh,
    pub(super) clock: Clock,
    pub(super) asked: AtomicU64,
    pub(super) came: AtomicU64,
    pub(super) lost: AtomicU64,
    /// Exchanges that have no end yet.
    pub(super) under_way: AtomicUsize,
    pub(super) settled: Notify,
    pub(super) waiting: Arc<AtomicUsize>,
    /// Where lines go to be written; nowhere once it is over.
    pub(super) to: Mutex<Option<Sender<Order>>>,
}

/// A folder of which nothing is left if nothing was begun in it, so that the same can be typed again.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) dir: PathBuf,
    pub(super) is_kept: AtomicBool,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.is_kept.load(Ordering::Relaxed) {
            // The next one says what is wrong with the folder.
            let _ = std::fs::remove_file(self.dir.join(EXCHANGES));
        }
    }
}

impl Inside {
    /// Sends something to be written, or counts it as lost.
    pub(super) fn order(&self, order: Order, size: usize) {
        let to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = self.waiting.fetch_add(size, Ordering::Relaxed) + size <= MOST_WAITING;
        let is_sent = has_room && to.as_ref().is_some_and(|to| to.send(order).is_ok());
        if !is_sent {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An exchange is over.
    pub(super) fn settle(&self, draft: Box<Draft>) {
        if draft.is_too_long {
            self.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            let size = draft.size();
            self.order(Order::Draft(draft), size);
        }
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        self.settled.notify_one();
    }
}
