//! The door that every request goes out by. Behind it is the network, or a recording of it; with the network there may be
//! somebody who takes down what goes through.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use reqwest::IntoUrl;
use serde::Serialize;

use super::error::{Broken, SendError};
use super::player::Player;
use super::recorder::{Recorder, Taping};
use super::tape::{Answer, Exchange};
use domain::upstream::Upstream;

/// The HTTP client. Clones share one pool of connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    way: Way,
    /// Whom it asks, where that is known.
    upstream: Option<Upstream>,
    /// For whom, where a request does not say it itself.
    whose: Option<Arc<str>>,
}

/// Where requests go.
#[derive(Clone, Debug, Default)]
pub enum Way {
    /// To the neighbours.
    #[default]
    Live,
    /// To the neighbours, and all of it is taken down.
    Recorded(Recorder),
    /// To a recording, and to nobody else.
    Played(Player),
}

/// A request that is not sent yet.
#[derive(Debug)]
pub struct RequestBuilder {
    client: Client,
    builder: reqwest::RequestBuilder,
}

/// A request as it will be sent.
#[derive(Debug)]
pub struct Outgoing {
    client: Client,
    request: reqwest::Request,
}

/// An answer. Its body comes by chunks.
#[derive(Debug)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Source,
}

#[derive(Debug)]
enum Source {
    Live(reqwest::Response),
    Recorded(reqwest::Response, Taping),
    Played(Played),
}

/// What is left of a recorded body.
#[derive(Debug)]
struct Played {
    chunks: VecDeque<Bytes>,
    is_whole: bool,
    broke: Option<Broken>,
}

impl From<reqwest::Client> for Client {
    fn from(http: reqwest::Client) -> Self {
        Self { http, way: Way::Live, upstream: None, whose: None }
    }
}

impl Way {
    /// What time somebody is told: now, or in a replay what was told then.
    #[must_use]
    pub fn moment(&self, of: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Live => now,
            Self::Recorded(recorder) => {
                recorder.moment(of, now);
                now
            }
            Self::Played(player) => player.moment(of).unwrap_or(now),
        }
    }
}

impl Client {
    /// The same, which goes this way.
    #[must_use]
    pub fn going(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// The same, for this neighbour.
    #[must_use]
    pub fn to(&self, upstream: Upstream) -> Self {
        Self { upstream: Some(upstream), ..self.clone() }
    }

    /// The same, for somebody of whom its requests know nothing: a recording tells them apart.
    #[must_use]
    pub fn on_behalf_of(&self, whose: &str) -> Self {
        match self.way {
            Way::Live => self.clone(),
            _ => Self { whose: Some(whose.into()), ..self.clone() },
        }
    }

    /// A request that asks for something.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A request that brings something.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Any other.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder { client: self.clone(), builder: self.http.request(method, url) }
    }

    async fn execute(&self, request: reqwest::Request) -> Result<Response, SendError> {
        match (&self.way, self.upstream) {
            (Way::Recorded(recorder), Some(upstream)) => {
                let mut taping = recorder.begin(upstream, self.whose.as_ref(), &request);
                match self.http.execute(request).await {
                    Ok(response) => {
                        taping.answered(response.status().as_u16(), response.headers());
                        Ok(Response::of(response, |response| Source::Recorded(response, taping)))
                    }
                    Err(error) => {
                        taping.broke(&error);
                        Err(error.into())
                    }
                }
            }
            (Way::Played(player), Some(upstream)) => {
                Response::played(player.answer(upstream, self.whose.as_deref(), &request).await?)
            }
            (Way::Played(_), None) => {
                let what = format!(
                    "{} {} is of no neighbour, and is not asked in a replay",
                    request.method(),
                    request.url()
                );
                Err(SendError::Unrecorded(what))
            }
            (Way::Live, _) | (Way::Recorded(_), None) => {
                Ok(Response::of(self.http.execute(request).await?, Source::Live))
            }
        }
    }
}

impl RequestBuilder {
    /// With this header.
    #[must_use]
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        HeaderName: TryFrom<N>,
        <HeaderName as TryFrom<N>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.with(|builder| builder.header(name, value))
    }

    /// With these headers.
    #[must_use]
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|builder| builder.headers(headers))
    }

    /// With this token.
    #[must_use]
    pub fn bearer_auth(self, token: &str) -> Self {
        self.with(|builder| builder.bearer_auth(token))
    }

    /// With this body.
    #[must_use]
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.with(|builder| builder.body(body))
    }

    /// With this as JSON.
    #[must_use]
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.with(|builder| builder.json(body))
    }

    /// With so much time for all of the answer.
    #[must_use]
    pub fn timeout(self, limit: std::time::Duration) -> Self {
        self.with(|builder| builder.timeout(limit))
    }

    /// The same once more.
    #[must_use]
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self { client: self.client.clone(), builder: self.builder.try_clone()? })
    }

    /// The request.
    ///
    /// # Errors
    /// When it makes none.
    pub fn build(self) -> Result<Outgoing, SendError> {
        Ok(Outgoing { client: self.client, request: self.builder.build()? })
    }

    /// Sends it, and waits for the first of the answer.
    ///
    /// # Errors
    /// When it makes no request, or no answer comes.
    pub async fn send(self) -> Result<Response, SendError> {
        self.build()?.send().await
    }

    fn with(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self { client: self.client, builder: change(self.builder) }
    }
}

impl Outgoing {
    /// What will be sent.
    #[must_use]
    pub fn request(&self) -> &reqwest::Request {
        &self.request
    }

    /// Sends it, and waits for the first of the answer.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn send(self) -> Result<Response, SendError> {
        self.client.execute(self.request).await
    }
}

impl Response {
    fn of(mut response: reqwest::Response, body: impl FnOnce(reqwest::Response) -> Source) -> Self {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Self { status, headers, body: body(response) }
    }

    fn played(exchange: Exchange) -> Result<Self, SendError> {
        let unusable = |cause: String| {
            SendError::Unrecorded(format!(
                "exchange {} of the recording cannot be played: {cause}",
                exchange.seq
            ))
        };
        let Some(Answer { status, headers, body, chunks, is_whole }) = exchange.answer else {
            return Err(exchange.broke.map_or_else(|| unusable("nothing came".to_owned()), SendError::from));
        };
        let status = StatusCode::from_u16(status).map_err(|error| unusable(error.to_string()))?;
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().map_err(|_| unusable(format!("{name:?} names no header")))?;
            all.append(name, HeaderValue::from_str(&value).map_err(|error| unusable(error.to_string()))?);
        }
        let mut body = body.bytes().map_err(unusable)?;
        let chunks = chunks.into_iter().map(|length| body.split_to(length.min(body.len()))).collect();
        Ok(Self {
            status,
            headers: all,
            body: Source::Played(Played { chunks, is_whole, broke: exchange.broke }),
        })
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Its headers, to be taken.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The next of its body; nothing at its end.
    ///
    /// # Errors
    /// When the connection breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        match &mut self.body {
            Source::Live(response) => Ok(response.chunk().await?),
            Source::Recorded(response, taping) => match response.chunk().await {
                Ok(Some(chunk)) => {
                    taping.chunk(&chunk);
                    Ok(Some(chunk))
                }
                Ok(None) => {
                    taping.whole();
                    Ok(None)
                }
                Err(error) => {
                    taping.broke(&error);
                    Err(error.into())
                }
            },
            Source::Played(played) => match (played.chunks.pop_front(), &played.broke) {
                (Some(chunk), _) => Ok(Some(chunk)),
                (None, Some(broken)) => Err(broken.clone().into()),
                (None, None) if played.is_whole => Ok(None),
                // Nobody waited any longer, and nobody knows what would have come.
                (None, None) => std::future::pending().await,
            },
        }
    }

    /// All of its body, as text.
    ///
    /// # Errors
    /// When the connection breaks off.
    pub async fn text(mut self) -> Result<String, SendError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}
