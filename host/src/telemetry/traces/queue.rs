//! From turns to the collector, without a turn waiting for it: what there is no room for is left out and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::collector::Collector;
use crate::telemetry::Metrics;

/// So many bytes of spans wait at most: some ten thousand, or a few hundred with what was said.
const ROOM: usize = 16 << 20;
/// So many spans go in one request at most.
const BATCH: usize = 512;
/// How long the first of them waits for others.
const DELAY: Duration = Duration::from_secs(2);

/// Takes spans. Clones are the same queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    orders: mpsc::UnboundedSender<Order>,
    waiting: Arc<AtomicUsize>,
    /// How many spans were put in line and neither sent nor given up.
    unsent: Arc<AtomicU64>,
    sender: AbortHandle,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
enum Order {
    Take(Box<Span>, usize),
    /// Send what there is, and say when.
    Flush(oneshot::Sender<()>),
}

impl Queue {
    /// Begins to send to this collector, until nobody has the queue any more.
    pub(super) fn start(collector: Collector, metrics: Arc<Metrics>) -> Self {
        let (orders, taken) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let unsent = Arc::new(AtomicU64::new(0));
        let (room, count) = (Arc::clone(&waiting), Arc::clone(&unsent));
        let sender = tokio::spawn(send_all(taken, collector, room, count, Arc::clone(&metrics)));
        Self { orders, waiting, unsent, sender: sender.abort_handle(), metrics }
    }

    /// Puts a span in line, if there is room.
    pub(super) fn put(&self, span: Span) {
        let size = span.encoded_len();
        let before = self.waiting.fetch_add(size, Ordering::Relaxed);
        let has_room = before.saturating_add(size) <= ROOM;
        self.unsent.fetch_add(1, Ordering::Relaxed);
        if !has_room || self.orders.send(Order::Take(Box::new(span), size)).is_err() {
            self.waiting.fetch_sub(size, Ordering::Relaxed);
            self.unsent.fetch_sub(1, Ordering::Relaxed);
            self.metrics.count_spans("left_out", 1);
        }
    }

    /// Waits until all that was put in line is sent, or given up.
    pub(super) async fn flush(&self) {
        let (done, all) = oneshot::channel();
        if self.orders.send(Order::Flush(done)).is_ok() {
            // It answers, or has ended and sends nothing more.
            let _ = all.await;
        }
    }

    /// Sends nothing more; gives how many spans are lost so.
    pub(super) fn give_up(&self) -> u64 {
        self.sender.abort();
        let lost = self.unsent.swap(0, Ordering::Relaxed);
        self.metrics.count_spans("lost", lost);
        lost
    }
}

async fn send_all(
    mut orders: mpsc::UnboundedReceiver<Order>,
    mut collector: Collector,
    waiting: Arc<AtomicUsize>,
    unsent: Arc<AtomicU64>,
    metrics: Arc<Metrics>,
) {
    while let Some(first) = orders.recv().await {
        let deadline = Instant::now() + DELAY;
        let (mut batch, mut bytes, mut asked) = (Vec::new(), 0, None);
        let mut next = Some(first);
        while let Some(order) = next.take() {
            match order {
                Order::Take(span, size) => {
                    batch.push(*span);
                    bytes += size;
                }
                Order::Flush(done) => asked = Some(done),
            }
            if batch.len() < BATCH && asked.is_none() {
                next = timeout_at(deadline, orders.recv()).await.ok().flatten();
            }
        }
        if !batch.is_empty() {
            let spans = batch.len() as u64;
            collector.send(batch, &metrics).await;
            unsent.fetch_sub(spans, Ordering::Relaxed);
        }
        waiting.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(done) = asked {
            // Who asked may have lost patience.
            let _ = done.send(());
        }
    }
}
