//! That something changed, for pages, which are drawn anew then: several events told as one, without a number. Who reads too
//! slowly misses only that something changed more than once.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::Event as Frame;
use domain::event::Event;
use futures_util::stream::{self, Stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

/// What it is called among the kinds of events.
pub(super) const NAME: &str = "changed";
/// How long several changes are told as one.
const TOGETHER: Duration = Duration::from_millis(250);

/// What changes pages, from now on, until persona-host ends.
pub(super) fn told(
    events: Receiver<Event>,
    stop: CancellationToken,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Frame, Infallible>> {
    let heard = Heard { events, stop, _place: place };
    // The first word lets a reader that comes back see what it has missed.
    stream::unfold((heard, true), |(mut heard, is_first)| async move {
        if !is_first && !heard.changes().await {
            return None;
        }
        Some((Ok(Frame::default().event(NAME).data("{}")), (heard, false)))
    })
}

struct Heard {
    events: Receiver<Event>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Heard {
    /// Waits until something has changed; false when the program ends.
    async fn changes(&mut self) -> bool {
        let heard = tokio::select! {
            () = self.stop.cancelled() => return false,
            heard = self.events.recv() => heard,
        };
        if matches!(heard, Err(RecvError::Closed)) {
            return false;
        }
        tokio::time::sleep(TOGETHER).await;
        while !matches!(self.events.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        true
    }
}
