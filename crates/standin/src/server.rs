//! A loopback listener and the router behind it. Every stand-in is served this way.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use axum::serve::{Listener, ListenerExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long open requests may take to end when a stand-in stops.
const PATIENCE: Duration = Duration::from_secs(2);

/// A listener that nobody answers yet. Its URL is known, so that a server can be told its own name.
#[derive(Debug)]
pub struct Bound {
    name: &'static str,
    listener: TcpListener,
    address: SocketAddr,
}

/// A stand-in that answers. Dropping it stops it at once; [`Served::stop`] lets requests end.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<io::Result<()>>,
}

/// Why a stand-in cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The stand-ins' keys are known to everybody, so they never listen to a network.
    #[error("the stand-in {name} listens on loopback only, not on {address}: use 127.0.0.1 or ::1")]
    NotLoopback {
        /// Which stand-in.
        name: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// Something else listens there.
    #[error(
        "the stand-in {name} cannot listen on {address}: port {} is taken. Stop what uses it (`ss -ltnp sport = :{}` names it) or choose another port; 0 takes any free one",
        address.port(),
        address.port()
    )]
    Taken {
        /// Which stand-in.
        name: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error(
        "the stand-in {name} cannot listen on {address}: {cause}. Choose another port; 0 takes any free one"
    )]
    Refused {
        /// Which stand-in.
        name: &'static str,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system says.
        cause: io::Error,
    },
}

impl Bound {
    /// Listens on `address`; port 0 is any free one.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn to(name: &'static str, address: SocketAddr) -> Result<Self, BindError> {
        if !address.ip().is_loopback() {
            return Err(BindError::NotLoopback { name, address });
        }
        let refused = |cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { name, address },
            _ => BindError::Refused { name, address, cause },
        };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { name, listener, address })
    }

    /// `http://host:port`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The listener, for a stand-in that serves itself.
    #[must_use]
    pub fn into_listener(self) -> TcpListener {
        self.listener
    }

    /// Answers with `router`; each answer says in the header `x-stand-in` who gave it.
    ///
    /// `stop` is cancelled when the stand-in stops, so that a router can end its endless answers.
    #[must_use]
    pub fn serve(self, router: Router, stop: CancellationToken) -> Served {
        let banner = HeaderValue::try_from(format!("persona-host {}", self.name))
            .expect("a stand-in's name is plain ASCII");
        let router = router.layer(map_response(move |mut response: Response| {
            response.headers_mut().insert("x-stand-in", banner.clone());
            std::future::ready(response)
        }));
        let stopped = stop.clone().cancelled_owned();
        let listener = without_delay(self.listener);
        let serving =
            tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        Served { address: self.address, stop, serving }
    }
}

impl Served {
    /// `http://host:port`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no new requests, gives open ones a moment to end, and frees the port.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(PATIENCE, &mut self.serving).await.is_err() {
            tracing::debug!(address = %self.address, "a stand-in was stopped with requests open");
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
        self.serving.abort();
    }
}

/// Answers in pieces (an event stream is one) leave at once; by default the kernel holds each later
/// piece back until the first is acknowledged, which takes 40 ms on loopback.
pub(super) fn without_delay(listener: TcpListener) -> impl Listener<Io = TcpStream, Addr = SocketAddr> {
    listener.tap_io(|connection| {
        // A connection that refuses is slower, and good otherwise.
        let _ = connection.set_nodelay(true);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named_with_what_to_do() {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let first = Bound::to("mana-auth", free).await.expect("a free port");
        let error = Bound::to("mana-mcp", first.address).await.expect_err("the port is taken").to_string();
        let port = first.address.port();
        assert_eq!(
            error,
            format!(
                "the stand-in mana-mcp cannot listen on 127.0.0.1:{port}: port {port} is taken. Stop what uses it \
                 (`ss -ltnp sport = :{port}` names it) or choose another port; 0 takes any free one"
            )
        );
    }

    #[tokio::test]
    async fn a_stand_in_never_listens_to_a_network() {
        let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let error = Bound::to("mana-auth", everywhere).await.expect_err("not loopback").to_string();
        assert!(error.contains("loopback only, not on 0.0.0.0:0"), "{error}");
    }

    #[tokio::test]
    async fn a_stopped_stand_in_frees_its_port() {
        let bound = Bound::to("mana-auth", SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
        let served = bound.serve(Router::new(), CancellationToken::new());
        let address = served.address;
        assert!(Bound::to("mana-auth", address).await.is_err());
        served.stop().await;
        assert!(Bound::to("mana-auth", address).await.is_ok());
    }
}
