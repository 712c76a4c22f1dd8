//! The way to one reader of events: a few frames are on it at most, and who does not take them is cut off.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, StatusCode};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::hang_up::HangUp;
use domain::code::Code;

/// How often a reader hears that we are there, though nothing happened.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Proxies such as nginx keep answers back otherwise until there is much of them.
const AT_ONCE: [(HeaderName, &str); 1] = [(HeaderName::from_static("x-accel-buffering"), "no")];
/// Frames on their way to a reader.
const ON_THEIR_WAY: usize = 64;

/// The places of readers, and how long one of them may not read.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    places: Arc<Semaphore>,
    most: usize,
    patience: Duration,
}

/// What was asked for cannot be told to its end. An answer that fails ends its connection, and not as if it were whole.
#[derive(Debug, thiserror::Error)]
#[error("what was asked for cannot be told to its end")]
struct CutOff;

/// The way to one reader, who keeps a place as long as it is there.
pub(super) struct Outlet {
    to: mpsc::Sender<Result<Frame, CutOff>>,
    patience: Duration,
    stop: CancellationToken,
    hang_up: HangUp,
    _place: OwnedSemaphorePermit,
}

impl Readers {
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), most, patience }
    }

    /// A place, the way to who takes it, and the answer that is its other end.
    pub(super) fn admit(
        &self,
        stop: CancellationToken,
        hang_up: HangUp,
    ) -> Result<(Outlet, Response), ApiError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let message = format!("{} read events already, and no more can", self.most);
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, Code::TooManyReaders, message)
                .hint("end one of them, or try again later")
        })?;
        let (to, told) = mpsc::channel(ON_THEIR_WAY);
        let told = stream::unfold(told, |mut told| async move { Some((told.recv().await?, told)) });
        let alive = KeepAlive::new().interval(HEARTBEAT).text("still here");
        let outlet = Outlet { to, patience: self.patience, stop, hang_up, _place: place };
        Ok((outlet, (AT_ONCE, Sse::new(told).keep_alive(alive)).into_response()))
    }
}

impl Outlet {
    /// Tells something; false when nobody hears it, or persona-host ends.
    pub(super) async fn tell(&self, told: Frame) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            sent = tokio::time::timeout(self.patience, self.to.send(Ok(told))) => match sent {
                Ok(sent) => sent.is_ok(),
                Err(_) => {
                    tracing::debug!("a reader of events does not read, and is cut off");
                    self.hang_up.now();
                    false
                }
            }
        }
    }

    /// Ends the connection behind what was told, so that the reader sees that something is missing.
    pub(super) async fn cut_off(&self) {
        if tokio::time::timeout(self.patience, self.to.send(Err(CutOff))).await.is_err() {
            self.hang_up.now();
        }
    }

    /// Waits until nobody hears any more, or persona-host ends.
    pub(super) async fn closed(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.to.closed() => {}
        }
    }
}
