//! rmcp's way to HTTP, made ours: one shared connection pool, the persona's token and space on every
//! request, no standing stream from the server, and exactly one goodbye. It knows no tools.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::common::client_side_sse::BoxedSseResponse;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::busy::{Busy, Waiting};
use super::incoming::{Failed, Incoming, Refusal, refusal, unexpected};
use super::listing::LeftOut;
use super::tame::{Heard, Question};
use crate::outbound::{Client, RequestBuilder, Response, SendError};

/// How long the goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

type Headers = HashMap<HeaderName, HeaderValue>;
type Outcome<T> = Result<T, Failed>;

/// One session's way to the server. Clones are the same way.
#[derive(Clone)]
pub(super) struct Wire(Arc<Inner>);

struct Inner {
    http: Client,
    url: Arc<str>,
    jwt: Mutex<SecretString>,
    space: HeaderValue,
    session: Mutex<ServerSession>,
    /// How long a server that takes no more is waited for.
    patience: Duration,
    /// Tools of its list that are not offered.
    left_out: Mutex<Vec<LeftOut>>,
    /// Cancelled when nobody waits for answers any more. rmcp itself cannot be stopped while it waits
    /// for the answer to `initialize`.
    over: CancellationToken,
}

/// What the server holds for us.
enum ServerSession {
    NotYet,
    Open(Arc<str>),
    Ended,
}

impl Wire {
    pub(super) fn new(
        http: Client,
        url: Arc<str>,
        jwt: SecretString,
        space: HeaderValue,
        patience: Duration,
    ) -> Self {
        let (jwt, session) = (Mutex::new(jwt), Mutex::new(ServerSession::NotYet));
        let (left_out, over) = (Mutex::default(), CancellationToken::new());
        Self(Arc::new(Inner { http, url, jwt, space, session, patience, left_out, over }))
    }

    /// The tools that the server has listed and that are not offered, each once.
    pub(super) fn take_left_out(&self) -> Vec<LeftOut> {
        std::mem::take(&mut *self.0.left_out.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows this token from now on.
    pub(super) fn present(&self, jwt: SecretString) {
        *self.jwt() = jwt;
    }

    /// Ends all requests that still wait, and closes the server's session if there is one. Only the first
    /// call does anything, so it may be called on every way out.
    pub(super) async fn hang_up(&self) {
        self.hang_up_with(Headers::new()).await;
    }

    /// Whether the server may still hold a session for us.
    pub(super) fn is_open(&self) -> bool {
        matches!(*self.session(), ServerSession::Open(_))
    }

    async fn hang_up_with(&self, headers: Headers) {
        self.0.over.cancel();
        let ServerSession::Open(id) = std::mem::replace(&mut *self.session(), ServerSession::Ended) else {
            return;
        };
        let goodbye = self.request(Method::DELETE, &self.0.url, Some(&id), &self.headers(headers)).send();
        match tokio::time::timeout(GOODBYE, goodbye).await {
            // Some servers do not let a session be ended.
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the MCP server did not close the session"),
            Err(_) => tracing::debug!("the MCP server did not answer the goodbye"),
        }
    }

    /// Remembers the id of the session that the server opened.
    fn opened(&self, id: Option<&str>) {
        let mut session = self.session();
        if let (ServerSession::NotYet, Some(id)) = (&*session, id) {
            *session = ServerSession::Open(id.into());
        }
    }

    fn session(&self) -> std::sync::MutexGuard<'_, ServerSession> {
        self.0.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jwt(&self) -> std::sync::MutexGuard<'_, SecretString> {
        self.0.jwt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn headers(&self, mut headers: Headers) -> Headers {
        headers.insert(HeaderName::from_static("x-mana-space"), self.0.space.clone());
        headers
    }
}

impl Wire {
    fn post(&self, url: &str, session: Option<&str>, headers: &Headers) -> RequestBuilder {
        let request = self.request(Method::POST, url, session, headers);
        request.header(ACCEPT, "text/event-stream, application/json")
    }

    fn request(&self, method: Method, url: &str, session: Option<&str>, headers: &Headers) -> RequestBuilder {
        let mut request = self.0.http.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        request.bearer_auth(self.jwt().expose_secret())
    }

    /// Sends a message until the server takes it, and waits for the answer if it is a question.
    async fn exchange(
        &self,
        url: &str,
        message: &ClientJsonRpcMessage,
        session: Option<&str>,
        headers: &Headers,
    ) -> Outcome<StreamableHttpPostResponse> {
        let mut waiting = Waiting::at_most(self.0.patience);
        loop {
            let response =
                self.post(url, session, headers).json(message).send().await.map_err(Failed::Client)?;
            if response.status().is_success() {
                return self.taken(url, message, session, headers, response).await;
            }
            let refusal = refusal(response).await;
            match Busy::of(&refusal) {
                Some(busy) => waiting.for_another_time(busy).await?,
                None => return refused_answer(message, &refusal, session.is_some()),
            }
        }
    }

    /// What comes of a message that the server has taken.
    async fn taken(
        &self,
        url: &str,
        message: &ClientJsonRpcMessage,
        session: Option<&str>,
        headers: &Headers,
        response: Response,
    ) -> Outcome<StreamableHttpPostResponse> {
        let opened =
            response.headers().get("mcp-session-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        self.opened(opened.as_deref());
        let Some(question) = Question::of(message) else {
            return Ok(StreamableHttpPostResponse::Accepted);
        };
        let asked = |id: Value, method: String| self.answer(url, session, headers, id, method);
        let answer = self.answer_to(&question, Incoming::of(response)?, asked).await?;
        Ok(StreamableHttpPostResponse::Json(answer, opened))
    }

    /// The answer among all that comes.
    async fn answer_to<F: Future<Output = ()>>(
        &self,
        question: &Question,
        mut incoming: Incoming,
        asked: impl Fn(Value, String) -> F,
    ) -> Outcome<ServerJsonRpcMessage> {
        let mut nonsense = None;
        while let Some(text) = incoming.next().await? {
            match question.hear(&text) {
                Ok(Heard::Answer(answer, left_out)) => {
                    self.0.left_out.lock().unwrap_or_else(PoisonError::into_inner).extend(left_out);
                    incoming.drain();
                    return Ok(*answer);
                }
                Ok(Heard::Asks(id, method)) => asked(id, method).await,
                Ok(Heard::Nothing) => {}
                Err(why) if incoming.is_stream() => nonsense = Some(why),
                Err(why) => return Err(unexpected(format!("{why} (content type {:?})", incoming.kind()))),
            }
        }
        Err(nonsense.map_or(StreamableHttpError::UnexpectedEndOfStream, unexpected))
    }

    /// Answers what the server asks in the middle of an answer: that we are there, and nothing else.
    async fn answer(&self, url: &str, session: Option<&str>, headers: &Headers, id: Value, method: String) {
        let said = match method.as_str() {
            "ping" => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
            _ => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "a persona has no such thing"}})
            }
        };
        let sent = self.post(url, session, headers).json(&said).send();
        if !matches!(tokio::time::timeout(GOODBYE, sent).await, Ok(Ok(_))) {
            tracing::debug!(method, "the MCP server asked something and did not take the answer");
        }
    }
}

/// The trace that a tool call is a part of, said beside it as well: what is between us and the server reads no calls.
fn trace_header(message: &ClientJsonRpcMessage) -> Option<(HeaderName, HeaderValue)> {
    let JsonRpcMessage::Request(request) = message else { return None };
    let ClientRequest::CallToolRequest(call) = &request.request else { return None };
    let traceparent = call.params.meta.as_ref()?.get_traceparent()?;
    Some((HeaderName::from_static("traceparent"), HeaderValue::from_str(traceparent).ok()?))
}

/// A refusal may hold an answer of the protocol.
fn refused_answer(
    message: &ClientJsonRpcMessage,
    refusal: &Refusal,
    has_session: bool,
) -> Outcome<StreamableHttpPostResponse> {
    if let Some(error) = lost_or_refused(refusal, has_session) {
        return Err(error);
    }
    match Question::of(message).and_then(|question| question.hear_refusal(&refusal.said)) {
        Some(error) => Ok(StreamableHttpPostResponse::Json(error, None)),
        None => Err(unexpected(refusal.words())),
    }
}

/// Whether a refusal means that the session is gone, or that the token is: servers say the first with several
/// statuses (the official SDKs with 404, or 400 and words).
fn lost_or_refused(refusal: &Refusal, has_session: bool) -> Option<Failed> {
    let words = refusal.said.to_ascii_lowercase();
    let names_it = ["session", "not initialized"].iter().any(|word| words.contains(word));
    match refusal.status {
        StatusCode::NOT_FOUND | StatusCode::GONE if has_session => Some(StreamableHttpError::SessionExpired),
        StatusCode::BAD_REQUEST if has_session && names_it => Some(StreamableHttpError::SessionExpired),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(unexpected(refusal.words())),
        _ => None,
    }
}

impl StreamableHttpClient for Wire {
    type Error = SendError;

    async fn post_message(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Outcome<StreamableHttpPostResponse> {
        self.post_message_with_max_sse_event_size(url, message, session, token, headers, usize::MAX).await
    }

    /// What comes has limits of its own (`incoming`).
    async fn post_message_with_max_sse_event_size(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _token: Option<String>,
        headers: Headers,
        _max_sse_event_size: usize,
    ) -> Outcome<StreamableHttpPostResponse> {
        let mut headers = self.headers(headers);
        headers.extend(trace_header(&message));
        tokio::select! {
            exchanged = self.exchange(&url, &message, session.as_deref(), &headers) => exchanged,
            () = self.0.over.cancelled() => Err(StreamableHttpError::TransportChannelClosed),
        }
    }

    async fn delete_session(
        &self,
        _url: Arc<str>,
        _session: Arc<str>,
        _token: Option<String>,
        headers: Headers,
    ) -> Outcome<()> {
        self.hang_up_with(headers).await;
        Ok(())
    }

    /// The standing stream that rmcp would open for messages from the server costs a connection per session and has
    /// nothing for a persona; and an answer that broke off is not resumed.
    async fn get_stream(
        &self,
        _url: Arc<str>,
        _session: Option<Arc<str>>,
        _last_event: Option<String>,
        _token: Option<String>,
        _headers: Headers,
    ) -> Outcome<BoxedSseResponse> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}
