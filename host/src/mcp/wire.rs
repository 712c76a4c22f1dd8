//! rmcp's way to HTTP, made ours: one shared connection pool, the persona's token and space on every
//! request, no standing stream from the server, and exactly one goodbye. It knows no tools.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use http::header::ACCEPT;
use http::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage};
use rmcp::transport::common::client_side_sse::BoxedSseResponse;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::CancellationToken;

use super::tasks::TaskTools;

/// How long the goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

type Headers = HashMap<HeaderName, HeaderValue>;
type Outcome<T> = Result<T, StreamableHttpError<reqwest::Error>>;

/// One session's way to the server. Clones are the same way.
#[derive(Clone)]
pub(super) struct Wire(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    url: Arc<str>,
    jwt: Mutex<SecretString>,
    space: HeaderValue,
    session: Mutex<ServerSession>,
    task_tools: TaskTools,
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
    pub(super) fn new(http: reqwest::Client, url: Arc<str>, jwt: SecretString, space: HeaderValue) -> Self {
        let (jwt, session) = (Mutex::new(jwt), Mutex::new(ServerSession::NotYet));
        let (task_tools, over) = (TaskTools::default(), CancellationToken::new());
        Self(Arc::new(Inner { http, url, jwt, space, session, task_tools, over }))
    }

    /// The tools that the server wants to be called as a task, as far as it has listed them.
    pub(super) fn task_tools(&self) -> &TaskTools {
        &self.0.task_tools
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
        let goodbye = self.0.http.delete_session(self.0.url.clone(), id, self.token(), self.headers(headers));
        match tokio::time::timeout(GOODBYE, goodbye).await {
            Ok(Ok(())) => {}
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

    /// Without `Bearer`, which rmcp writes.
    fn token(&self) -> Option<String> {
        Some(self.jwt().expose_secret().to_owned())
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
    /// The same question, for an answer that is read as it comes.
    fn ask_raw(
        &self,
        url: &str,
        message: &ClientJsonRpcMessage,
        session: Option<&str>,
        headers: &Headers,
    ) -> reqwest::RequestBuilder {
        let mut request = self.0.http.post(url).header(ACCEPT, "text/event-stream, application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        request.bearer_auth(self.jwt().expose_secret()).json(message)
    }

    /// Asks once more for a list that came as plain JSON. Should that fail, the tools are offered as they were.
    async fn note_tasks(&self, again: reqwest::RequestBuilder) {
        let read = async { again.send().await?.error_for_status()?.text().await };
        tokio::select! {
            list = read => match list {
                Ok(list) => self.0.task_tools.note(&list),
                Err(error) => tracing::debug!(%error, "which tools demand a task cannot be read"),
            },
            () = self.0.over.cancelled() => {}
        }
    }
}

/// Whether a message asks for tools.
fn lists_tools(message: &ClientJsonRpcMessage) -> bool {
    matches!(message, JsonRpcMessage::Request(asked) if matches!(asked.request, ClientRequest::ListToolsRequest(_)))
}

impl StreamableHttpClient for Wire {
    type Error = reqwest::Error;

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

    async fn post_message_with_max_sse_event_size(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _token: Option<String>,
        headers: Headers,
        max_sse_event_size: usize,
    ) -> Outcome<StreamableHttpPostResponse> {
        let headers = self.headers(headers);
        let again = lists_tools(&message).then(|| self.ask_raw(&url, &message, session.as_deref(), &headers));
        let post = self.0.http.post_message_with_max_sse_event_size(
            url,
            message,
            session,
            self.token(),
            headers,
            max_sse_event_size,
        );
        let response = tokio::select! {
            response = post => response?,
            () = self.0.over.cancelled() => return Err(StreamableHttpError::TransportChannelClosed),
        };
        Ok(match response {
            StreamableHttpPostResponse::Sse(stream, id) => {
                self.opened(id.as_deref());
                let task_tools = self.0.task_tools.clone();
                let stream = stream.inspect(move |event| {
                    if let Ok(message) = event
                        && let Some(message) = &message.data
                    {
                        task_tools.note(message);
                    }
                });
                let stream = stream.take_until(self.0.over.clone().cancelled_owned()).boxed();
                StreamableHttpPostResponse::Sse(stream, id)
            }
            StreamableHttpPostResponse::Json(message, id) => {
                self.opened(id.as_deref());
                // rmcp has read the answer by now, and has dropped what we look for.
                if let Some(again) = again {
                    self.note_tasks(again).await;
                }
                StreamableHttpPostResponse::Json(message, id)
            }
            other => other,
        })
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

    async fn get_stream(
        &self,
        url: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Outcome<BoxedSseResponse> {
        self.get_stream_with_max_sse_event_size(url, session, last_event, token, headers, usize::MAX).await
    }

    /// Only a broken answer is resumed. The standing stream that rmcp would open for messages from the
    /// server costs a connection per session and has nothing for a persona.
    async fn get_stream_with_max_sse_event_size(
        &self,
        url: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _token: Option<String>,
        headers: Headers,
        max_sse_event_size: usize,
    ) -> Outcome<BoxedSseResponse> {
        if last_event.is_none() {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let headers = self.headers(headers);
        let stream = self
            .0
            .http
            .get_stream_with_max_sse_event_size(
                url,
                session,
                last_event,
                self.token(),
                headers,
                max_sse_event_size,
            )
            .await?;
        Ok(stream.take_until(self.0.over.clone().cancelled_owned()).boxed())
    }
}
