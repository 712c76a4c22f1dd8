//! The HTTP side of the scripted Claude.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::books::Books;
use super::cache::PromptCache;
use super::diagnostics::Diagnostics;
use super::draft::{Draft, DraftBlock};
use super::limiter::{Allowed, Limiter};
use super::request::{Request, module_of};
use super::rules::{self, Complaint};
use super::script::{Fault, Script};
use super::transmission::{self, Envelope, Fate};
use super::{play, rate};
use crate::server::without_delay;
use crate::witness::Witness;
use domain::clock::Clock;
use domain::usage::Usage;

/// What it calls itself, in the header `x-stand-in` and on its page.
pub const STAND_IN: &str = "persona-host scripted Claude";

/// The real API's limit.
const MAX_BODY_BYTES: usize = 32 << 20;

/// Serves the Messages API on `listener` until it is stopped. To be called inside a tokio runtime.
///
/// # Errors
/// When the listener has no address.
pub fn serve(listener: TcpListener, script: Script, clock: Clock) -> io::Result<Serving> {
    serve_watched(listener, script, clock, &Witness::nobody())
}

/// The same, while somebody looks on.
///
/// # Errors
/// When the listener has no address.
pub fn serve_watched(
    listener: TcpListener,
    script: Script,
    clock: Clock,
    witness: &Witness,
) -> io::Result<Serving> {
    let url = format!("http://{}", listener.local_addr()?);
    let stage = Arc::new(Stage {
        faults: Mutex::new(script.faults.iter().cloned().collect()),
        limiter: script.requests_per_minute.map(Limiter::a_minute).map(Mutex::new),
        diagnostics: Mutex::default(),
        since: Instant::now(),
        script,
        clock,
        books: Mutex::default(),
        cache: Mutex::default(),
        met: Mutex::default(),
        modules: Mutex::new(rate::WELL_KNOWN.map(str::to_owned).into()),
        answers: AtomicU64::new(0),
        stop: CancellationToken::new(),
    });
    let routes = Router::new()
        .route("/", get(page))
        .route("/v1/messages", post(messages))
        .route("/v1/models/{model}", get(model))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_path)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Arc::clone(&stage));
    let routes = witness.before("claude", routes);
    let stopped = stage.stop.clone().cancelled_owned();
    let server = tokio::spawn(async move {
        // It ends by `stopped` only: accepting goes on after errors.
        drop(axum::serve(without_delay(listener), routes).with_graceful_shutdown(stopped).await);
    });
    Ok(Serving { url, stage, server })
}

/// A scripted Claude that is being served.
#[derive(Debug)]
pub struct Serving {
    url: String,
    stage: Arc<Stage>,
    server: JoinHandle<()>,
}

impl Serving {
    /// Its address, without `/v1`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has served so far.
    #[must_use]
    pub fn books(&self) -> Books {
        locked(&self.stage.books).clone()
    }

    /// The tastes that no question for ratings has met yet.
    #[must_use]
    pub fn unmet_tastes(&self) -> Vec<String> {
        let met = locked(&self.stage.met);
        let texts = self.stage.script.tastes.iter().map(|taste| taste.text.clone());
        texts.filter(|text| !met.contains(text)).collect()
    }

    /// Lets something go wrong with the next request for which nothing is planned yet.
    pub fn plan_fault(&self, fault: Fault) {
        locked(&self.stage.faults).push_back(fault);
    }

    /// Ends streams that have stalled, lets the others come to their end, and stops.
    pub async fn stop(self) {
        self.stage.stop.cancel();
        // An error would say that the server panicked, which tokio has reported already.
        drop(self.server.await);
    }
}

#[derive(Debug)]
struct Stage {
    script: Script,
    clock: Clock,
    faults: Mutex<VecDeque<Fault>>,
    limiter: Option<Mutex<Limiter>>,
    diagnostics: Mutex<Diagnostics>,
    since: Instant,
    books: Mutex<Books>,
    cache: Mutex<PromptCache>,
    /// The texts of tastes that some question for ratings had.
    met: Mutex<BTreeSet<String>>,
    /// The modules that are known to exist.
    modules: Mutex<BTreeSet<String>>,
    answers: AtomicU64,
    stop: CancellationToken,
}

async fn page() -> Response<Body> {
    let text = format!(
        "{STAND_IN}: a stand-in, not the Claude API.\n\nIt answers POST /v1/messages out of a seeded \
         generator. No model runs here and nothing is charged.\n"
    );
    answer(StatusCode::OK, "text/plain; charset=utf-8", Body::from(text))
}

async fn no_such_path() -> Response<Body> {
    refuse(&Complaint::new(404, "not_found_error", "Not Found"), "req_none")
}

async fn messages(
    State(stage): State<Arc<Stage>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response<Body> {
    let request_id = format!("req_{:020}", stage.answers.fetch_add(1, Ordering::Relaxed) + 1);
    // What others write into the cache from here on comes too late for this one.
    let arrived = locked(&stage.cache).moment();
    if !stage.script.first_byte_after.is_zero() {
        tokio::time::sleep(stage.script.first_byte_after).await;
    }
    let body = body.ok().and_then(|body| serde_json::from_slice::<Value>(&body).map_err(drop).ok());
    let allowed = stage.limiter.as_ref().map(|limiter| locked(limiter).take(stage.since.elapsed()));
    let mut response = match allowed.and_then(too_many) {
        Some(complaint) => {
            locked(&stage.books).enter(None, None);
            refuse(&complaint, &request_id)
        }
        None => {
            let fault = locked(&stage.faults).pop_front().unwrap_or(Fault::None);
            match stage.consider(&headers, body, &fault, arrived) {
                Ok((request, draft, usage)) => stage.perform(&request, &draft, usage, &fault, &request_id),
                Err(complaint) => refuse(&complaint, &request_id),
            }
        }
    };
    insert(&mut response, "request-id", &request_id);
    for (name, value) in allowed.map(|allowed| allowed.headers(stage.clock.now())).unwrap_or_default() {
        insert(&mut response, name, &value);
    }
    response
}

/// What the API says of a model. It is no request that could be paid for, and so it is in no book.
async fn model(
    State(stage): State<Arc<Stage>>,
    Path(model): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let fault = locked(&stage.faults).pop_front().unwrap_or(Fault::None);
    let checked = rules::check_headers(&headers)
        .and_then(|()| error_of(&fault).map_or(Ok(()), Err))
        .and_then(|()| rules::check_model(&model));
    match checked {
        Ok(()) => {
            let told = json!({"type": "model", "id": model, "display_name": model});
            answer(StatusCode::OK, "application/json", Body::from(told.to_string()))
        }
        Err(complaint) => refuse(&complaint, "req_model"),
    }
}

impl Stage {
    /// Checks the request, decides on a reply and enters both in the books.
    fn consider(
        &self,
        headers: &HeaderMap,
        body: Option<Value>,
        fault: &Fault,
        arrived: u64,
    ) -> Result<(Request, Draft, Usage), Complaint> {
        let checked = rules::check_headers(headers).and_then(|()| {
            let Some(body) = body else {
                return Err(Complaint::new(
                    400,
                    "invalid_request_error",
                    "the request body is not valid JSON",
                ));
            };
            let verdict = rules::check_body(headers, &body);
            Ok((Request::new(body), verdict))
        });
        let (request, verdict) = match checked {
            Ok(checked) => checked,
            Err(complaint) => {
                locked(&self.books).enter(None, None);
                return Err(complaint);
            }
        };
        let verdict = verdict.and_then(|()| match self.script.refuses_formats && request.has_format() {
            true => Err(Complaint::new(
                400,
                "invalid_request_error",
                "output_config: Extra inputs are not permitted",
            )),
            false => Ok(()),
        });
        if let Err(complaint) = verdict.and_then(|()| error_of(fault).map_or(Ok(()), Err)) {
            locked(&self.books).enter(Some(&request.system), None);
            return Err(complaint);
        }
        let draft = self.draft(&request, fault).within(request.max_tokens());
        let mut usage = locked(&self.cache).count(&request, arrived);
        usage.output = draft.tokens();
        locked(&self.books).enter(Some(&request.system), Some(usage));
        if let Some(step) = self.script.advance_clock {
            self.clock.advance(step);
        }
        Ok((request, draft, usage))
    }

    fn draft(&self, request: &Request, fault: &Fault) -> Draft {
        let offered = request.tools().iter().filter_map(|tool| tool["name"].as_str());
        locked(&self.modules).extend(offered.map(|tool| module_of(tool).to_owned()));
        match fault {
            Fault::Refusal => return Draft::refusal(),
            Fault::Empty => return Draft::stopping(Vec::new(), "end_turn"),
            Fault::InventsTool => return play::invented_call(request, &self.script),
            Fault::ObeysTools => return play::obedient_calls(request, &self.script),
            Fault::StopsFor(reason) => {
                let block = DraftBlock::Text("Bis hierher.".to_owned());
                return Draft::stopping(vec![block], reason);
            }
            _ => {}
        }
        let draft = if request.tools().is_empty() {
            if rate::asks_for_ratings(request) {
                locked(&self.met).extend(rate::met(request, &self.script).map(|taste| taste.text.clone()));
            }
            rate::reply(request, &self.script, &locked(&self.modules), self.clock.now().date_naive())
        } else {
            play::next_round(request, &self.script, self.clock.now())
        };
        if *fault == Fault::CutByMaxTokens { draft.cut_in_the_last_block() } else { draft }
    }

    fn perform(
        &self,
        request: &Request,
        draft: &Draft,
        usage: Usage,
        fault: &Fault,
        request_id: &str,
    ) -> Response<Body> {
        let id = request_id.replacen("req_", "msg_", 1);
        let diagnostics = locked(&self.diagnostics).of(&id, request);
        let envelope = Envelope { id, model: request.model(), usage, diagnostics };
        if !request.wants_stream() {
            let message = transmission::whole(draft, &envelope).to_string();
            return answer(StatusCode::OK, "application/json", Body::from(message));
        }
        let fate = match fault {
            Fault::CutAfter(bytes) => Fate::CutAfter(*bytes),
            Fault::Stall => Fate::StallHalfway,
            Fault::OnlyPings => Fate::PingsFromHalfway,
            Fault::OverloadedInside => Fate::OverloadedHalfway,
            Fault::Unknown => Fate::WithUnknowns,
            _ => Fate::Whole,
        };
        let body =
            transmission::streamed(draft, &envelope, fate, self.script.between_events, self.stop.clone());
        answer(StatusCode::OK, "text/event-stream; charset=utf-8", body)
    }
}

/// The error that a fault answers with, before anything is charged.
fn error_of(fault: &Fault) -> Option<Complaint> {
    let limited = |message| Complaint::new(429, "rate_limit_error", message);
    match fault {
        Fault::Error { status, kind } => Some(Complaint::new(*status, kind, "so the script wants it")),
        Fault::KeyRefused => Some(Complaint::new(401, "authentication_error", "invalid x-api-key")),
        Fault::Overloaded => Some(Complaint::new(529, "overloaded_error", "Overloaded")),
        Fault::RateLimit { retry_after } => {
            let complaint = limited("This request would exceed your organization's rate limit.");
            Some(Complaint { retry_after: *retry_after, ..complaint })
        }
        Fault::SpendLimit => {
            let complaint = limited("Your organization has reached its spend limit for this month.");
            Some(Complaint { error_code: Some("enforced_spend_limit_reached"), ..complaint })
        }
        _ => None,
    }
}

/// What a request is refused with that is one too many.
fn too_many(allowed: Allowed) -> Option<Complaint> {
    let message = "This request would exceed your organization's rate limit of requests per minute.";
    let complaint = Complaint::new(429, "rate_limit_error", message);
    (!allowed.is_served).then_some(Complaint { retry_after: allowed.retry_after, ..complaint })
}

fn refuse(complaint: &Complaint, request_id: &str) -> Response<Body> {
    let mut error = json!({"type": complaint.kind, "message": complaint.message});
    if let Some(code) = complaint.error_code {
        error["details"] = json!({"error_code": code});
    }
    let body = json!({"type": "error", "error": error, "request_id": request_id}).to_string();
    let status = StatusCode::from_u16(complaint.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer(status, "application/json", Body::from(body));
    if let Some(wait) = complaint.retry_after {
        insert(&mut response, "retry-after", &wait.as_secs().max(1).to_string());
        if wait.subsec_nanos() != 0 {
            insert(&mut response, "retry-after-ms", &milliseconds(wait).to_string());
        }
    }
    response
}

fn milliseconds(wait: Duration) -> f64 {
    wait.as_secs_f64() * 1000.0
}

fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-stand-in", HeaderValue::from_static(STAND_IN));
    response
}

fn insert(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// The values behind these locks are whole after every step, so a panic elsewhere spoils nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
