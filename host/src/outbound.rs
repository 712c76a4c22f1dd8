//! The one HTTP client that every room sends through: one pool of connections, one TLS stack, and one place at which all
//! that is asked of the neighbours can be recorded, or answered by a recording.

use std::time::Duration;

pub use client::{Client, Outgoing, RequestBuilder, Response, Way};
pub use error::SendError;
pub use player::Player;
use reach::Screened;
pub use reach::{Named, Place, problem};
pub use recorder::{Claimed, Recorder};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
pub use retry_after::retry_after;
pub use tape::{Head, TapeError, Totals, VERSION, ledger};

mod client;
mod error;
mod mask;
mod player;
mod question;
mod reach;
mod recorder;
mod retry_after;
mod tape;

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct OutboundError(#[from] reqwest::Error);

/// How long nothing may come of an answer.
const SILENCE: Duration = Duration::from_secs(120);
/// Who knows whom it asks has a limit of its own, and says more of it than this one does.
const MARGIN: Duration = Duration::from_secs(1);

/// A client with limits on waiting, not on the length of an answer: a total limit would cut
/// healthy streams. Redirects are refused, because tokens go only where they were meant to go.
///
/// # Errors
/// When the system's certificates cannot be used.
pub fn client() -> Result<Client, OutboundError> {
    patient(Duration::ZERO, &Named::default())
}

/// The same, where somebody among the neighbours may be silent for so long, and these may be asked wherever they are.
///
/// # Errors
/// As [`client`].
pub fn patient(silence: Duration, named: &Named) -> Result<Client, OutboundError> {
    // A second call finds the first one's choice, which is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(concat!("persona-host/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(SILENCE.max(silence + MARGIN))
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_nodelay(true)
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
        .dns_resolver(Screened(named.clone()))
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    Ok(client.into())
}
