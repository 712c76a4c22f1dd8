//! The MCP client, against servers that nobody here wrote.

mod desk;
mod everything;
mod faults;

use std::time::Duration;

use domain::ids::SpaceId;
use persona_host::mcp::{Mcp, McpError, Options, Session};

use crate::support::http::client;

/// Far longer than anything here takes, so that a test that would hang fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// The way to the server at `url`, with the time that a call has.
fn mcp(url: String, call_timeout: Duration) -> Mcp {
    Mcp::new(client(), Options { url, call_timeout, open_timeout: PATIENCE })
}

/// A session of Anna's.
async fn open(mcp: &Mcp) -> Result<Session, McpError> {
    mcp.open(&"annas-token".into(), &SpaceId::new("annas-space")).await
}

/// What comes next, if it comes at all.
async fn next<T>(channel: &mut tokio::sync::mpsc::UnboundedReceiver<T>) -> T {
    tokio::time::timeout(PATIENCE, channel.recv())
        .await
        .expect("it comes in time")
        .expect("somebody can still send")
}
