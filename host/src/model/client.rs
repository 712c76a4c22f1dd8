//! One call to the Messages API: send, stream, put together, price; again if that makes sense.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::error::ModelError;
use super::failure::{Failure, Tells};
use super::gate::{Barred, Call, Cause, Gate, LeftAlone, Outcome, Pass};
use super::price;
use super::reading::{Reading, causes, incomplete};
use super::refusal::Refusal;
use super::reply::{Reply, Said};
use super::request::MessageRequest;
use super::retry::{Message, Policy};
use super::stream::Assembled;
use super::wire::{self, Asked, ErrorBody};
use crate::outbound::{Client, Response, retry_after};
use domain::encoding;
use domain::ids::PersonaId;
use domain::mask::masked;
use domain::usage::Cost;

/// The first-party API.
pub const DEFAULT_BASE_URL: &str = "https://api.anthropic.com";
/// The version of the API that this client is written for.
pub const DEFAULT_VERSION: &str = "2026-10-21";
/// The key that the scripted Claude is sent, which takes any. By it the host knows whom it asks.
pub const STAND_IN_KEY: &str = "stand-in-no-key-needed";

/// The most bytes that are read of an error's body, and the most characters that are shown of one
/// that is no error of the API.
const MAX_ERROR_BYTES: usize = 64 << 10;
const SHOWN_ERROR_CHARS: usize = 300;

/// How Claude is reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server, without `/v1`.
    pub base_url: String,
    /// The key; a local server may do without, then it is empty.
    pub api_key: SecretString,
    /// The API's version (`anthropic-version`).
    pub version: String,
    /// Mark tools, system prompt and conversation for the prompt cache.
    pub caching: bool,
    /// Ask why nothing was read from the cache.
    pub cache_diagnostics: bool,
    /// How often a request is sent at most.
    pub max_attempts: u32,
    /// No wait begins that would end later than this after the first attempt began.
    pub retry_budget: Duration,
    /// The wait before the second attempt when the API names none; it doubles with each.
    pub first_wait: Duration,
    /// How long the other side may bring nothing, before and while it replies. Pings are nothing.
    pub idle_timeout: Duration,
    /// Whether a request is sent again whose reply was lost: it may have been paid for.
    pub repeats_lost: bool,
}

impl Options {
    /// The first-party API with `api_key`.
    #[must_use]
    pub fn new(api_key: SecretString) -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.to_owned(),
            api_key,
            version: DEFAULT_VERSION.to_owned(),
            caching: true,
            cache_diagnostics: true,
            repeats_lost: true,
            max_attempts: 5,
            retry_budget: Duration::from_secs(120),
            first_wait: Duration::from_millis(500),
            idle_timeout: Duration::from_secs(60),
        }
    }
}

/// The client. Clones share the connections of the HTTP client that they were made with, and the gate.
#[derive(Clone, Debug)]
pub struct Claude {
    pub(super) http: Client,
    url: String,
    pub(super) options: Options,
    gate: Gate,
    stop: CancellationToken,
    /// The models that were refused a format, and asked without it.
    formless: Arc<Mutex<BTreeSet<String>>>,
}

/// Leave to send a request, with the request as it will be sent.
#[derive(Debug)]
pub struct Admitted {
    pass: Pass,
    call: Call,
    headers: HeaderMap,
    body: bytes::Bytes,
    formats: bool,
}

impl Claude {
    /// A client that sends through `http`.
    #[must_use]
    pub fn new(http: impl Into<Client>, options: Options) -> Self {
        let url = format!("{}/v1/messages", options.base_url.trim_end_matches('/'));
        Self {
            http: http.into(),
            url,
            options,
            gate: Gate::alone(),
            stop: CancellationToken::new(),
            formless: Arc::default(),
        }
    }

    /// The same client, which shares this gate with whoever else asks Claude.
    #[must_use]
    pub fn through(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The same client, which sends nothing more once this is cancelled. What is under way is awaited.
    #[must_use]
    pub fn heeding(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// The same client, asking for this persona: no request says for whom it is.
    #[must_use]
    pub fn on_behalf_of(self, persona: &PersonaId) -> Self {
        Self { http: self.http.on_behalf_of(persona.as_str()), ..self }
    }

    /// The URL that requests are sent to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks Claude, and waits for the whole reply.
    ///
    /// # Errors
    /// When there is no whole reply after every attempt that makes sense, or nothing may be sent. Nothing was done then.
    pub async fn message(&self, request: &MessageRequest) -> Result<Reply, ModelError> {
        self.message_after(request, None).await
    }

    /// The same for the next message of a conversation whose last reply had this id.
    ///
    /// # Errors
    /// As [`Claude::message`].
    pub async fn message_after(
        &self,
        request: &MessageRequest,
        previous: Option<&str>,
    ) -> Result<Reply, ModelError> {
        let admitted = self.admit(request, previous).await?;
        self.message_through(admitted, request, previous).await
    }

    /// Waits until a request may be sent. Nothing is sent by that, and whoever drops what comes of it has sent nothing.
    ///
    /// # Errors
    /// When nothing may be sent, or the request cannot be.
    pub async fn admit(
        &self,
        request: &MessageRequest,
        previous: Option<&str>,
    ) -> Result<Admitted, ModelError> {
        let formats = request.reply_schema.is_some() && !self.formless().contains(&request.model);
        self.admit_as(request, self.asked(previous, formats)).await
    }

    /// [`Claude::message_after`], of a request that was admitted with the same id.
    ///
    /// # Errors
    /// As [`Claude::message`].
    pub async fn message_through(
        &self,
        admitted: Admitted,
        request: &MessageRequest,
        previous: Option<&str>,
    ) -> Result<Reply, ModelError> {
        let formats = admitted.formats;
        match self.ask(admitted, request).await {
            // A refusal costs nothing. A server that knows no formats may know everything else.
            Err(error) if formats && error.is_format_refused() => {
                let formless = self.admit_as(request, self.asked(previous, false)).await?;
                let reply = self.ask(formless, request).await?;
                let model = request.model.as_str();
                tracing::warn!(model, cause = %error, "the model is asked without an enforced format from now on");
                self.formless().insert(request.model.clone());
                Ok(reply)
            }
            answered => answered,
        }
    }

    fn asked<'a>(&self, previous: Option<&'a str>, formats: bool) -> Asked<'a> {
        let Options { caching, cache_diagnostics, .. } = self.options;
        Asked { caching, formats, previous: previous.filter(|_| caching && cache_diagnostics) }
    }

    async fn admit_as(&self, request: &MessageRequest, asked: Asked<'_>) -> Result<Admitted, ModelError> {
        let not_sent = |failure: Failure| {
            let is_stopped = failure == Failure::Stopping;
            ModelError { failure, attempts: 0, is_stopped }
        };
        let headers = self.headers().map_err(not_sent)?;
        let body = bytes::Bytes::from(wire::body(request, &asked));
        let call = Call::of(request, body.len(), self.options.caching);
        let admitted = tokio::select! {
            biased;
            // A step that was begun is carried out; it is only not waited for any more.
            admitted = self.let_out(&call, self.options.retry_budget) => admitted,
            () = self.stop.cancelled() => Err(Failure::Stopping),
        };
        let pass = admitted.map_err(not_sent)?;
        Ok(Admitted { pass, call, headers, body, formats: asked.formats })
    }

    fn formless(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.formless.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, admitted: Admitted, request: &MessageRequest) -> Result<Reply, ModelError> {
        let began = Instant::now();
        let Admitted { pass, call, headers, body, .. } = admitted;
        let policy = Policy {
            max_attempts: self.options.max_attempts,
            budget: self.options.retry_budget,
            first_wait: self.options.first_wait,
        };
        let message = Message {
            policy,
            stop: &self.stop,
            gate: &self.gate,
            family: call.family(),
            repeats_lost: self.options.repeats_lost,
        };
        let ((assembled, request_id), attempts) = message
            .attempt(
                pass,
                |patience| self.let_out(&call, patience),
                |pass| self.attempt(pass, &headers, &body),
            )
            .await?;
        let Assembled { id, model, blocks, stop_reason, usage, cache_miss } = assembled;
        let model = model.unwrap_or_else(|| request.model.clone());
        Ok(Reply {
            id,
            request_id,
            cost: price::cost(&model, &usage),
            price_table: price::TABLE,
            model,
            said: Said { blocks, stop_reason },
            usage,
            cache_miss,
            attempts,
            took: began.elapsed(),
        })
    }

    /// Whether a turn may begin that will ask this model.
    ///
    /// # Errors
    /// When it would be stopped at its first call.
    pub fn admit_turn(&self, model: &str) -> Result<(), LeftAlone> {
        self.gate.admit_turn(model, self.options.retry_budget)
    }

    /// The models that are asked nothing for now.
    #[must_use]
    pub fn left_alone(&self) -> Vec<LeftAlone> {
        self.gate.left_alone(self.options.retry_budget)
    }

    /// The most that this may cost; nothing if the model's price is not known.
    #[must_use]
    pub fn most(&self, request: &MessageRequest) -> Cost {
        let asked = Asked { caching: self.options.caching, formats: true, previous: None };
        price::most(&request.model, wire::body(request, &asked).len(), request.max_tokens)
    }

    /// A script replies, and no model: what it rates means nothing.
    #[must_use]
    pub fn is_scripted(&self) -> bool {
        self.options.api_key.expose_secret() == STAND_IN_KEY
    }

    pub(super) fn headers(&self) -> Result<HeaderMap, Failure> {
        let value = |name: &str, text: &str| {
            HeaderValue::from_str(text).map_err(|_| Failure::Options {
                what: format!("{name} has a character that no header can have"),
            })
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("anthropic-version", value("the API version", &self.options.version)?);
        let key = self.options.api_key.expose_secret();
        if !key.is_empty() {
            let mut key = value("the API key", key)?;
            key.set_sensitive(true);
            headers.insert("x-api-key", key);
        }
        Ok(headers)
    }

    /// The one place at which a request that may be paid for is let out, each time that it is sent.
    async fn let_out(&self, call: &Call, patience: Duration) -> Result<Pass, Failure> {
        self.gate.admit(call, patience).await.map_err(|Barred::Away { why, until, by_all }| Failure::Away {
            why,
            until,
            by_all,
        })
    }

    /// Sends once, and lets the gate hear what came of it.
    async fn attempt(
        &self,
        mut pass: Pass,
        headers: &HeaderMap,
        body: &bytes::Bytes,
    ) -> Result<(Assembled, Option<String>), Failure> {
        let answered = self.exchange(&mut pass, headers.clone(), body.clone()).await;
        let why = answered.as_ref().err().map(ToString::to_string).unwrap_or_default();
        pass.end(&match &answered {
            Ok((assembled, _)) => Outcome::Reply(assembled.usage),
            Err(failure) => {
                let patience = |cause| Outcome::Patience { cause, asked: failure.asked(), why: &why };
                match failure.tells() {
                    Tells::RateLimit => patience(Cause::RateLimit),
                    Tells::Overloaded => patience(Cause::Overloaded),
                    Tells::Works => Outcome::Refused,
                    Tells::NoModel => Outcome::NoModel(&why),
                    Tells::Outage => Outcome::Outage(&why),
                    Tells::Halt => Outcome::Halt(&why),
                    Tells::Nothing => Outcome::Nothing,
                }
            }
        });
        answered
    }

    async fn exchange(
        &self,
        pass: &mut Pass,
        headers: HeaderMap,
        body: bytes::Bytes,
    ) -> Result<(Assembled, Option<String>), Failure> {
        let sent = self.http.post(&self.url).headers(headers).body(body).send();
        let Ok(sent) = timeout_at(self.latest(), sent).await else { return Err(self.silent()) };
        let response = match sent {
            Ok(response) => response,
            Err(error) if error.unrecorded().is_some() => {
                return Err(Failure::Unrecorded { why: error.to_string() });
            }
            Err(error) if error.is_builder() => {
                return Err(Failure::Options { what: format!("{}: {}", self.url, causes(&error)) });
            }
            Err(error) if error.is_connect() => {
                return Err(Failure::Unreachable { url: self.url.clone(), cause: causes(&error) });
            }
            Err(error) => return Err(incomplete(causes(&error), &None)),
        };
        pass.hear(response.headers());
        if !response.status().is_success() {
            return Err(self.without_key(Failure::Refused(self.refusal(response).await)));
        }
        let request_id = header(response.headers(), "request-id");
        let content_type = header(response.headers(), CONTENT_TYPE.as_str()).unwrap_or_default();
        if !content_type.starts_with("text/event-stream") {
            let what = format!("it is {content_type:?} and not a stream of events");
            return Err(Failure::Unreadable { url: self.url.clone(), what, request_id });
        }
        let reading =
            Reading { url: &self.url, request_id: &request_id, patience: self.options.idle_timeout };
        let read = reading.of(response, &mut || pass.content_begins()).await;
        let assembled = read.map_err(|failure| self.without_key(failure))?;
        Ok((assembled, request_id))
    }

    pub(super) async fn refusal(&self, response: Response) -> Refusal {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let encodings = headers.get_all(CONTENT_ENCODING).iter().map(HeaderValue::as_bytes);
        let body = match encoding::unasked(encodings) {
            Some(encoded) => encoded.into_bytes(),
            None => self.error_body(response).await,
        };
        let parsed: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
        let error_code = parsed.error_code().map(str::to_owned);
        let message = match parsed.error.message {
            message if !message.is_empty() => message,
            _ => shown(&body),
        };
        Refusal {
            status: Some(status),
            kind: parsed.error.kind,
            error_code,
            message,
            request_id: header(&headers, "request-id").or(parsed.request_id),
            retry_after: retry_after(&headers),
            should_retry: header(&headers, "x-should-retry").and_then(|text| text.parse().ok()),
        }
    }

    /// A failure in words that do not hold the key, which a gateway may quote.
    pub(super) fn without_key(&self, failure: Failure) -> Failure {
        failure.in_words(|words| masked(words, [self.options.api_key.expose_secret()]))
    }

    /// What can be had of an error's body; the status alone already says enough.
    async fn error_body(&self, mut response: Response) -> Vec<u8> {
        let mut body = Vec::new();
        // For all of it: an error that comes by drops is no answer either.
        let latest = self.latest();
        while body.len() < MAX_ERROR_BYTES
            && let Ok(Ok(Some(chunk))) = timeout_at(latest, response.chunk()).await
        {
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_ERROR_BYTES - body.len())]);
        }
        body
    }

    /// Until when something has to come.
    pub(super) fn latest(&self) -> Instant {
        Instant::now() + self.options.idle_timeout
    }

    pub(super) fn silent(&self) -> Failure {
        Failure::Silent { url: self.url.clone(), after: self.options.idle_timeout }
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The beginning of a body that is no error of the API, on one line.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN_ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None if text.is_empty() => "(no body)".to_owned(),
        None => text,
    }
}
