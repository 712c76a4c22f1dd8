//! Connections: how many there may be, and how long one may keep its place without asking anything. The daemon's turns
//! need descriptors too, and nobody outside is to take them away.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::arrival::Arrival;
use super::hang_up::HangUp;

/// Connections at once, where there are descriptors enough.
const MOST: usize = 256;
/// Connections at once, however few descriptors there are.
const FEWEST: usize = 4;
/// From a connection to its first request, or from an answer to the next one.
const SILENCE: Duration = Duration::from_secs(10);
/// Bytes of a request's headers.
const HEADERS: usize = 64 << 10;
/// Readers of events at once.
const READERS: usize = 64;
/// How long a reader of events may not read.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failure to accept that concerns all of them, such as no descriptors at all.
const PAUSE: Duration = Duration::from_millis(500);

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long a connection may be without a whole request: one that is slow to say it, and one that says nothing
    /// more.
    pub silence: Duration,
    /// Readers of events at once.
    pub readers: usize,
    /// How long a reader of events may not read.
    pub patience: Duration,
}

impl Limits {
    /// A quarter of this process's descriptors at most, so that three quarters are left for the turns and the ledger.
    #[must_use]
    pub fn of_this_process() -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let connections = usize::try_from(descriptors / 4).unwrap_or(usize::MAX).clamp(FEWEST, MOST);
        Self { connections, silence: SILENCE, readers: READERS.min(connections / 2), patience: PATIENCE }
    }
}

/// Answers on `listener` by `routes` until `stop`; then answers what was asked, and returns.
///
/// Only HTTP/1.1: it is what proxies, browsers and commands ask in, and its connections are one request each.
pub(super) async fn answer(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut open = Open::new(limits);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = open.connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // One that is gone already has no address.
                    if let Ok(local) = stream.local_addr() {
                        open.take_in(stream, Arrival { peer, local }, &routes, &stop).await;
                    }
                }
                Err(error) if is_of_one(&error) => {}
                Err(cause) => {
                    tracing::warn!(%cause, "no connection can be accepted for a moment");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
    while open.connections.join_next().await.is_some() {}
    Ok(())
}

/// What is told of a connection that ended before it was accepted.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The connections that are open.
struct Open {
    connections: JoinSet<()>,
    places: Arc<Semaphore>,
    limits: Limits,
    /// In the order in which they came.
    seats: Vec<Seat>,
}

struct Seat {
    /// Whether a request of its is being answered.
    is_busy: Arc<AtomicBool>,
    connection: AbortHandle,
}

impl Open {
    fn new(limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections));
        Self { connections: JoinSet::new(), places, limits, seats: Vec::new() }
    }

    /// Serves a newcomer. Where all places are taken, the oldest connection that is not being answered loses its own,
    /// so that nobody keeps others out by saying nothing; if all are being answered, the newcomer is turned away.
    async fn take_in(
        &mut self,
        stream: TcpStream,
        arrival: Arrival,
        routes: &Router,
        stop: &CancellationToken,
    ) {
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) if self.free_a_place() => {
                let freed = Arc::clone(&self.places).acquire_owned();
                // It is never closed, and whoever was cut off gives its place back at once.
                let Ok(place) = freed.await else { return };
                place
            }
            Err(_) => return,
        };
        if self.seats.len() > 2 * self.limits.connections {
            self.seats.retain(|seat| !seat.connection.is_finished());
        }
        let is_busy = Arc::new(AtomicBool::new(false));
        let talk = Talk {
            arrival,
            routes: routes.clone(),
            silence: self.limits.silence,
            is_busy: Arc::clone(&is_busy),
        };
        let connection = self.connections.spawn(talk.go_on(stream, stop.clone(), place));
        self.seats.push(Seat { is_busy, connection });
    }

    fn free_a_place(&mut self) -> bool {
        self.seats.retain(|seat| !seat.connection.is_finished());
        let idle = self.seats.iter().position(|seat| !seat.is_busy.load(Ordering::Relaxed));
        if let Some(idle) = idle {
            self.seats.remove(idle).connection.abort();
        }
        idle.is_some()
    }
}

/// One connection, from its first request to its last.
struct Talk {
    arrival: Arrival,
    routes: Router,
    silence: Duration,
    is_busy: Arc<AtomicBool>,
}

impl Talk {
    async fn go_on(self, stream: TcpStream, stop: CancellationToken, _place: OwnedSemaphorePermit) {
        let Self { arrival, routes, silence, is_busy } = self;
        let _ = stream.set_nodelay(true);
        let routes = TowerToHyperService::new(routes);
        let hang_up = HangUp::default();
        let own = hang_up.clone();
        let answering = service_fn(move |mut request: hyper::Request<Incoming>| {
            let busy = Busy::now(&is_busy);
            request.extensions_mut().insert(arrival);
            request.extensions_mut().insert(own.clone());
            let answer = routes.call(request);
            async move {
                let answer: Result<Response, _> = answer.await;
                drop(busy);
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(silence)
            .max_buf_size(HEADERS)
            .serve_connection(TokioIo::new(stream), answering);
        let mut connection = std::pin::pin!(connection);
        // How a connection ends concerns whoever asked.
        tokio::select! {
            _ = connection.as_mut() => return,
            () = hang_up.wanted() => return,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            _ = connection => {}
            () = hang_up.wanted() => {}
        }
    }
}

/// Marks a connection as busy while it lives.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn now(is_busy: &Arc<AtomicBool>) -> Self {
        is_busy.store(true, Ordering::Relaxed);
        Self(Arc::clone(is_busy))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
