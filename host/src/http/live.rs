//! `GET /events`: what happens, as server-sent events with the ledger's numbers. Each is read from the ledger, so whoever comes
//! back with the last number it has seen misses nothing and hears nothing twice, over a restart of persona-host too.
//!
//! A reader holds no event in memory but the few on their way to it: who does not read is cut off, and reads on later.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use domain::kind::{GAP, KINDS};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::changes;
use super::error::ApiError;
use super::face::Face;
use super::filters::{Filters, Place};
use super::hang_up::HangUp;
use crate::store::{EventFilter, EventPage, Gap, KeptEvent, Ledger};

/// How often a reader hears that we are there, though nothing happened.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that are read at once.
const AT_ONCE: u32 = 256;
/// Events on their way to a reader.
const ON_THEIR_WAY: usize = 64;
/// The header with which a reader says how far it came.
const LAST_EVENT_ID: &str = "last-event-id";

/// The places of readers, and how long one of them may not read.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    places: Arc<Semaphore>,
    most: usize,
    patience: Duration,
}

impl Readers {
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), most, patience }
    }

    fn take_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let message = format!("{} read events already, and no more can", self.most);
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message)
                .hint("end one of them, or try again later")
        })
    }
}

/// What happens: from now on, or from the place on that the reader names.
pub(super) async fn events(
    State(face): State<Face>,
    Extension(readers): Extension<Readers>,
    Extension(hang_up): Extension<HangUp>,
    headers: HeaderMap,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let deps = face.runner.deps();
    let kinds = wanted(&mut filters)?;
    let persona = filters.text("persona", "be the address of a persona")?;
    let since = filters.place()?;
    let follow = filters.truth_or("follow", true)?;
    filters.end()?;
    let place = readers.take_place()?;
    if kinds == [changes::NAME] {
        let told = changes::told(deps.events.listen(), deps.stop.clone(), place);
        return Ok(framed(told));
    }
    let newest = face.runner.chronicle().newest();
    let after = match last_seen(&headers)?.map(Place::Behind).or(since) {
        Some(Place::Behind(number)) => number,
        Some(Place::Since(since)) => deps.ledger.event_before(since.seen_from(deps.clock.now())).await?,
        None => *newest.borrow(),
    };
    let (to, told) = mpsc::channel(ON_THEIR_WAY);
    let reader = Reader {
        ledger: Arc::clone(&deps.ledger),
        filter: EventFilter { kinds, persona },
        newest,
        after,
        to,
        patience: readers.patience,
        stop: deps.stop.clone(),
        hang_up,
        _place: place,
    };
    let clock = deps.clock.clone();
    tokio::spawn(async move { reader.read(follow, || clock.now()).await });
    let told = stream::unfold(told, |mut told| async move { Some((Ok(told.recv().await?), told)) });
    Ok(framed(told))
}

/// Frames as they are sent.
fn framed(told: impl stream::Stream<Item = Result<Frame, Infallible>> + Send + 'static) -> Response {
    Sse::new(told).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("still here")).into_response()
}

/// The kinds that are asked for, each of them one that there is.
fn wanted(filters: &mut Filters) -> Result<Vec<String>, ApiError> {
    let asked = filters.text("kind", "be one or more kinds of events, with commas between them")?;
    let kinds: Vec<String> = asked.iter().flat_map(|all| all.split(',')).map(str::to_owned).collect();
    let told = || KINDS.iter().filter(|kind| kind.left_out.is_none()).map(|kind| kind.name).chain([GAP]);
    if kinds == [changes::NAME] {
        return Ok(kinds);
    }
    match kinds.iter().find(|kind| !told().any(|own| own == *kind)) {
        None => Ok(kinds),
        Some(unknown) => {
            let message = match domain::kind::Kind::named(unknown).and_then(|kind| kind.left_out) {
                Some(why) => format!("events of the kind {unknown:?} are not told: {why}"),
                None => format!("there are no events of the kind {unknown:?}"),
            };
            let hint =
                format!("one of {}, or {} alone", told().collect::<Vec<_>>().join(", "), changes::NAME);
            Err(ApiError::new(StatusCode::BAD_REQUEST, message).hint(hint))
        }
    }
}

/// How far a reader came that comes back.
fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|number| *number >= 0);
    number.map(Some).ok_or_else(|| {
        let message = format!("the header Last-Event-ID is {value:?}, and must be the number of an event");
        ApiError::new(StatusCode::BAD_REQUEST, message).hint("leave it out to hear what happens from now on")
    })
}

/// Brings events from the ledger to one reader.
struct Reader {
    ledger: Arc<Ledger>,
    filter: EventFilter,
    newest: watch::Receiver<i64>,
    after: i64,
    to: mpsc::Sender<Frame>,
    patience: Duration,
    stop: CancellationToken,
    hang_up: HangUp,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// Until the reader goes, does not read, or persona-host ends; without `follow`, until it has heard all that there is.
    async fn read(mut self, follow: bool, now: impl Fn() -> DateTime<Utc>) {
        while !self.stop.is_cancelled() {
            let upto = *self.newest.borrow_and_update();
            let page = match self.ledger.events(self.after, &self.filter, AT_ONCE).await {
                Ok(page) => page,
                Err(error) => {
                    // Who comes back reads on.
                    tracing::debug!(cause = %error, "a reader of events is sent away: the ledger cannot be read");
                    return;
                }
            };
            self.after = page.upto;
            if !self.tell(page, now()).await {
                return;
            }
            if self.after >= upto && (!follow || !self.waits().await) {
                return;
            }
        }
    }

    /// Tells a page; false when nobody reads it.
    async fn tell(&self, EventPage { gap, events, .. }: EventPage, now: DateTime<Utc>) -> bool {
        let gap = gap.map(|gap| frame(gap.last(), GAP, &missing(gap, now)));
        let events = events.iter().map(|event: &KeptEvent| frame(event.id, event.kind(), &json!(event)));
        for told in gap.into_iter().chain(events) {
            tokio::select! {
                () = self.stop.cancelled() => return false,
                sent = tokio::time::timeout(self.patience, self.to.send(told)) => match sent {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return false,
                    Err(_) => {
                        tracing::debug!("a reader of events does not read, and is cut off");
                        self.hang_up.now();
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Waits for more; false when there is nobody to tell it to, or nothing more to tell.
    async fn waits(&mut self) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = self.to.closed() => false,
            grown = self.newest.changed() => grown.is_ok(),
        }
    }
}

fn missing(gap: Gap, now: DateTime<Utc>) -> Value {
    let mut told = json!({ "id": gap.last(), "at": now, "kind": GAP });
    if let (Some(told), Value::Object(fields)) = (told.as_object_mut(), json!(gap)) {
        told.extend(fields);
    }
    told
}

fn frame(id: i64, kind: &str, told: &Value) -> Frame {
    // JSON has no line breaks.
    Frame::default().id(id.to_string()).event(kind).data(told.to_string())
}
