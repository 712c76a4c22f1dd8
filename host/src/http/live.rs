//! `GET /events`: what happens, as server-sent events with the ledger's numbers. Each is read from the ledger, so whoever comes
//! back with the last number it has seen misses nothing and hears nothing twice, over a restart of persona-host too.
//!
//! A reader holds no event in memory but the few on their way to it: who does not read is cut off, and reads on later.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::response::sse::Event as Frame;
use domain::clock::Clock;
use domain::kind::{GAP, KINDS, Kind};
use serde_json::json;
use tokio::sync::watch;

use super::changes;
use super::error::ApiError;
use super::face::Face;
use super::filters::Filters;
use super::hang_up::HangUp;
use super::outlet::{Outlet, Readers};
use crate::since::Place;
use crate::store::{EventFilter, KeptEvent, Ledger, wanted};
use domain::code::Code;

/// Events that are read at once.
const AT_ONCE: u32 = 256;
/// The header with which a reader says how far it came.
const LAST_EVENT_ID: &str = "last-event-id";

/// What happens: from now on, or from the place on that the reader names.
pub(super) async fn events(
    State(face): State<Face>,
    Extension(readers): Extension<Readers>,
    Extension(hang_up): Extension<HangUp>,
    headers: HeaderMap,
    mut filters: Filters,
) -> Result<Response, ApiError> {
    let deps = face.runner.deps();
    let kinds = kinds(&mut filters)?;
    let persona = filters.read("persona", wanted::persona)?;
    let since = filters.place()?;
    if kinds == [changes::NAME] {
        let follow = filters.typed("follow").is_some();
        let given = [("since", since.is_some()), ("persona", persona.is_some()), ("follow", follow)];
        nothing_but_from_now_on(&given, &headers)?;
    }
    let follow = filters.truth_or("follow", true)?;
    filters.end()?;
    let seen = last_seen(&headers)?;
    let (outlet, answer) = readers.admit(deps.stop.clone(), hang_up)?;
    if kinds == [changes::NAME] {
        tokio::spawn(changes::tell(deps.events.listen(), outlet));
        return Ok(answer);
    }
    let newest = face.runner.chronicle().newest();
    let after = match seen.map(Place::Behind).or(since) {
        Some(Place::Behind(number)) => number,
        Some(Place::Since(since)) => deps.ledger.event_before(since.seen_from(deps.clock.now())).await?,
        None => *newest.borrow(),
    };
    let (ledger, clock) = (Arc::clone(&deps.ledger), deps.clock.clone());
    let reader = Reader { ledger, clock, filter: EventFilter { kinds, persona }, newest, after, outlet };
    tokio::spawn(reader.read(follow));
    Ok(answer)
}

/// The kinds that are asked for, each of them one that there is.
fn kinds(filters: &mut Filters) -> Result<Vec<String>, ApiError> {
    let asked = filters
        .read("kind", |text| wanted::named(text, "one or more kinds of events, with commas between them"))?;
    let kinds: Vec<String> = asked.iter().flat_map(|all| all.split(',')).map(str::to_owned).collect();
    let told = || KINDS.iter().filter(|kind| kind.left_out.is_none()).map(|kind| kind.name).chain([GAP]);
    if kinds == [changes::NAME] {
        return Ok(kinds);
    }
    match kinds.iter().find(|kind| !told().any(|own| own == *kind)) {
        None => Ok(kinds),
        Some(unknown) => {
            let message = match Kind::named(unknown).and_then(|kind| kind.left_out) {
                Some(why) => format!("events of the kind {unknown:?} are not told: {why}"),
                None => format!("there are no events of the kind {unknown:?}"),
            };
            let hint =
                format!("one of {}, or {} alone", told().collect::<Vec<_>>().join(", "), changes::NAME);
            Err(ApiError::new(StatusCode::BAD_REQUEST, Code::BadFilter, message).hint(hint))
        }
    }
}

/// That something changed is told from now on, as long as somebody hears it, and of everybody.
fn nothing_but_from_now_on(given: &[(&str, bool)], headers: &HeaderMap) -> Result<(), ApiError> {
    let header = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty());
    let given = (given.iter().find(|(_, is_given)| *is_given))
        .map(|(name, _)| format!("the parameter {name:?}"))
        .or(header.map(|_| "the header Last-Event-ID".to_owned()));
    let Some(given) = given else { return Ok(()) };
    let message = format!("{given} means nothing with kind={}", changes::NAME);
    Err(ApiError::new(StatusCode::BAD_REQUEST, Code::BadFilter, message)
        .hint("leave it out: that something changed is told from now on, of everybody, without numbers"))
}

/// How far a reader came that comes back.
fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|number| *number >= 0);
    number.map(Some).ok_or_else(|| {
        let message = format!("the header Last-Event-ID is {value:?}, and must be the number of an event");
        ApiError::new(StatusCode::BAD_REQUEST, Code::BadFilter, message)
            .hint("leave it out to hear what happens from now on")
    })
}

/// Brings events from the ledger to one reader.
struct Reader {
    ledger: Arc<Ledger>,
    clock: Clock,
    filter: EventFilter,
    newest: watch::Receiver<i64>,
    after: i64,
    outlet: Outlet,
}

impl Reader {
    /// Until the reader goes, does not read, or persona-host ends; without `follow`, until it has heard all that there is.
    async fn read(mut self, follow: bool) {
        let is_all = self.tell(follow).await;
        if !is_all && !follow {
            // A part of it would look like the whole. Who follows comes back, and reads on.
            self.outlet.cut_off().await;
        }
    }

    /// Gives whether all was told that there is.
    async fn tell(&mut self, follow: bool) -> bool {
        // Whoever is cut off before anything happens comes back to here.
        if !self.outlet.tell(mark(self.after)).await {
            return false;
        }
        loop {
            let upto = *self.newest.borrow_and_update();
            let page = match self.ledger.events(self.after, &self.filter, AT_ONCE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(cause = %error, "a reader of events is sent away: the ledger cannot be read");
                    return false;
                }
            };
            let gap = page.gap.map(|gap| gap.told(self.clock.now()));
            for event in gap.iter().chain(&page.events) {
                if !self.outlet.tell(frame(event)).await {
                    return false;
                }
            }
            let is_passed_over = page.events.is_empty() && page.upto > self.after;
            self.after = page.upto;
            if is_passed_over && !self.outlet.tell(mark(self.after)).await {
                return false;
            }
            if self.after >= upto && (!follow || !self.waits().await) {
                return true;
            }
        }
    }

    /// Waits for more; false when there is nobody to tell it to, or nothing more to tell.
    async fn waits(&mut self) -> bool {
        tokio::select! {
            () = self.outlet.closed() => false,
            grown = self.newest.changed() => grown.is_ok(),
        }
    }
}

/// How far a reader is, and no event: a number without data, which `Last-Event-ID` goes by all the same (HTML, 9.2.6).
fn mark(number: i64) -> Frame {
    Frame::default().id(number.to_string())
}

fn frame(event: &KeptEvent) -> Frame {
    // JSON has no line breaks.
    Frame::default().id(event.id.to_string()).event(event.kind()).data(json!(event).to_string())
}
