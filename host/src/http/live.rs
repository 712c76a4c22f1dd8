//! `GET /events`: says that something changed, so that pages are drawn anew. It ends with the program, and whoever reads too
//! slowly misses only that something changed more than once.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::face::Face;
use domain::event::Event;

/// How long several changes are told as one.
const TOGETHER: Duration = Duration::from_millis(250);
/// How often a reader hears that we are there, though nothing changed.
const HEARTBEAT: Duration = Duration::from_secs(15);

const CHANGED: &[u8] = b"event: changed\ndata: {}\n\n";
const STILL_HERE: &[u8] = b": still here\n\n";

/// What changes pages, from now on.
pub(super) async fn events(State(face): State<Face>) -> Response<Body> {
    let deps = face.runner.deps();
    let heard = Heard { events: deps.events.listen(), stop: deps.stop.clone() };
    // The first word lets a reader that comes back see what it has missed.
    let said = stream::unfold((heard, true), |(mut heard, is_first)| async move {
        let said = if is_first { CHANGED } else { heard.next().await? };
        Some((Ok::<_, Infallible>(Bytes::from_static(said)), (heard, false)))
    });
    let mut response = Response::new(Body::from_stream(said));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

struct Heard {
    events: Receiver<Event>,
    stop: CancellationToken,
}

impl Heard {
    /// What to say next; nothing when the program ends.
    async fn next(&mut self) -> Option<&'static [u8]> {
        let heard = tokio::select! {
            () = self.stop.cancelled() => return None,
            heard = tokio::time::timeout(HEARTBEAT, self.events.recv()) => heard,
        };
        match heard {
            Err(_) => return Some(STILL_HERE),
            Ok(Err(RecvError::Closed)) => return None,
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
        }
        tokio::time::sleep(TOGETHER).await;
        while !matches!(self.events.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        Some(CHANGED)
    }
}
