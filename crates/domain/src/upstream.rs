//! The neighbours that a turn cannot do without.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upstream {
    /// The Messages API.
    Claude,
    /// Who is due, who they are, and where what they did is delivered.
    ManaAuth,
    /// The app's MCP server.
    ManaMcp,
}

impl Upstream {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Claude, Self::ManaAuth, Self::ManaMcp];

    /// The name in records and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::ManaAuth => "mana-auth",
            Self::ManaMcp => "mana-mcp",
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Claude => "Claude",
            Self::ManaAuth | Self::ManaMcp => self.name(),
        })
    }
}
