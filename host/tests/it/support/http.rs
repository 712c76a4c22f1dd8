//! An HTTP client, and servers on loopback.

use std::net::SocketAddr;
use std::sync::Once;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// A client such as the program shares between its rooms.
pub(crate) fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Another test may have been first; there is one provider in any case.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::new()
}

/// A server that ends with the test.
pub(crate) struct Server {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Server {
    /// Serves `router` on a free port of loopback.
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("the listener is bound");
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving never ends");
        });
        Self { address, serving }
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Whatever it is asked, it fails and says back all that it was sent.
pub(crate) async fn echo() -> Server {
    let echo = async |uri: Uri, headers: HeaderMap, body: Bytes| {
        let headers: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()))
            .collect();
        // The secrets first: what is quoted is short.
        let mut headers = headers;
        headers.sort_by_key(|line| !line.contains("canary") && !line.contains("eyJ"));
        let body = String::from_utf8_lossy(&body).into_owned();
        // Of this status mana-mcp is quoted.
        let status =
            if uri.path() == "/mcp" { StatusCode::BAD_REQUEST } else { StatusCode::INTERNAL_SERVER_ERROR };
        (status, format!("{}\n{body}\n{uri}", headers.join("\n")))
    };
    Server::start(Router::new().fallback(echo)).await
}

/// An address where nobody listens, and nobody else can while this lives.
pub(crate) struct Nobody {
    _held: TcpSocket,
    address: SocketAddr,
}

impl Nobody {
    /// Takes a free port of loopback.
    pub(crate) fn there() -> Self {
        let held = TcpSocket::new_v4().expect("there is one more socket");
        held.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a free port");
        let address = held.local_addr().expect("the socket is bound");
        Self { _held: held, address }
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
