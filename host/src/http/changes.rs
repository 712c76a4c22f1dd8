//! That something changed, for pages, which are drawn anew then: several events told as one, without a number. Who reads too
//! slowly misses only that something changed more than once.

use std::time::Duration;

use axum::response::sse::Event as Frame;
use domain::event::Event;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::outlet::Outlet;

/// What it is called among the kinds of events.
pub(super) const NAME: &str = "changed";
/// How long several changes are told as one.
const TOGETHER: Duration = Duration::from_millis(250);

/// Tells a reader what changes pages, from now on, as long as it hears that.
pub(super) async fn tell(mut events: Receiver<Event>, outlet: Outlet) {
    // The first word lets a reader that comes back see what it has missed.
    while outlet.tell(Frame::default().event(NAME).data("{}")).await {
        tokio::select! {
            () = outlet.closed() => return,
            heard = events.recv() => if matches!(heard, Err(RecvError::Closed)) { return },
        }
        tokio::time::sleep(TOGETHER).await;
        while !matches!(events.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
    }
}
