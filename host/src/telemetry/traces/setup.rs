//! What traces are set up with.

use secrecy::SecretString;

use crate::outbound::Place;

/// Where traces go, and what is in them.
#[derive(Clone, Debug)]
pub struct TraceOptions {
    /// Where the collector takes them, with the path.
    pub endpoint: String,
    /// What it is sent beside them, such as a key.
    pub headers: Vec<(String, SecretString)>,
    /// What is said of this process; `service.name` is among it.
    pub resource: Vec<(String, String)>,
    /// What part of all turns has a trace, from 0 to 1.
    pub share: f64,
    /// Prompts, replies, arguments and results are in them.
    pub content: bool,
    /// What is taken out of these.
    pub secrets: Vec<SecretString>,
    /// Where Claude is.
    pub claude_url: String,
    /// Where mana-mcp is.
    pub mcp_url: String,
    /// Which version of MCP is spoken.
    pub mcp_version: String,
}

/// What spans are made with.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) share: f64,
    pub(super) content: bool,
    pub(super) secrets: Vec<SecretString>,
    pub(super) claude: Place,
    pub(super) mcp: Place,
    pub(super) mcp_version: String,
}
