//! The way to the MCP server, and opening a session on it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt as _};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::NeverRetry;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::Instrument as _;

use super::error::McpError;
use super::session::{Session, Told};
use super::wire::Wire;
use crate::outbound::Client;
use domain::ids::SpaceId;

/// Where the MCP server is, and how patient to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Full address of its endpoint, such as `http://localhost:3069/mcp`.
    pub url: String,
    /// How long one request on a session may take: a tool call, or a page of the tool list.
    pub call_timeout: Duration,
    /// How long opening a session may take.
    pub open_timeout: Duration,
}

/// The way to the MCP server. Clones share one connection pool.
#[derive(Clone, Debug)]
pub struct Mcp {
    http: Client,
    url: Arc<str>,
    call_timeout: Duration,
    open_timeout: Duration,
    /// Tools that were told not to be offered.
    told: Told,
}

impl Mcp {
    /// A way that has not been gone yet.
    #[must_use]
    pub fn new(http: impl Into<Client>, options: Options) -> Self {
        let Options { url, call_timeout, open_timeout } = options;
        Self { http: http.into(), url: url.into(), call_timeout, open_timeout, told: Told::default() }
    }

    /// The address of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Opens a session for one persona in one space. The server keeps both, and the token, until the end
    /// of the session, so a renewed token needs a new one (contract 8).
    ///
    /// Opening goes on when nobody waits for it any more: only then is the server's session known, and
    /// closed again.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or does not answer in time.
    pub async fn open(&self, jwt: &SecretString, space: &SpaceId) -> Result<Session, McpError> {
        HeaderValue::from_str(jwt.expose_secret()).map_err(|_| McpError::Unsendable { what: "token" })?;
        let space =
            HeaderValue::from_str(space.as_str()).map_err(|_| McpError::Unsendable { what: "space id" })?;
        // Whoever waits for a server that takes no more still has time for its answer.
        let patience = self.call_timeout / 2;
        let wire = Wire::new(self.http.clone(), self.url.clone(), jwt.clone(), space, patience);
        let opening = self.clone().greet(wire).in_current_span();
        match tokio::spawn(opening).await {
            Ok(opened) => opened,
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            Err(_) => {
                Err(McpError::Broken { url: self.url.to_string(), cause: "the program ends".to_owned() })
            }
        }
    }

    async fn greet(self, wire: Wire) -> Result<Session, McpError> {
        let transport = StreamableHttpClientTransport::with_client(wire.clone(), self.transport());
        let greeting = us().serve_with_lifecycle(transport, ClientLifecycleMode::Initialize);
        let failure = match tokio::time::timeout(self.open_timeout, greeting).await {
            Ok(Ok(service)) => {
                return Ok(Session::new(service, wire, self.url, self.call_timeout, self.told));
            }
            Ok(Err(error)) => McpError::of_opening(&self.url, &error),
            Err(_) => McpError::Deadline {
                url: self.url.to_string(),
                what: "`initialize`".to_owned(),
                limit: self.open_timeout,
            },
        };
        wire.hang_up().await;
        Err(failure)
    }

    /// Token and space are not in here but in the [`Wire`], out of reach of rmcp's logs.
    fn transport(&self) -> StreamableHttpClientTransportConfig {
        let mut config =
            StreamableHttpClientTransportConfig::with_uri(self.url.clone()).reinit_on_expired_session(false);
        config.retry_config = Arc::new(NeverRetry::default());
        config
    }
}

/// The version of the protocol that we speak, such as `2025-11-25`.
#[must_use]
pub fn protocol() -> String {
    PROTOCOL.to_string()
}

const PROTOCOL: ProtocolVersion = ProtocolVersion::LATEST_WITH_INITIALIZE;

/// How we introduce ourselves.
fn us() -> ClientConfig {
    ClientConfig::new(
        ClientCapabilities::default(),
        Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
    )
    .with_protocol_version(PROTOCOL)
}
