//! What can be typed of recordings, whatever is recorded.

use std::path::PathBuf;

use clap::Args;

/// Whether what goes out and comes in is recorded.
#[derive(Clone, Debug, Default, Args)]
pub struct Record {
    /// Record all that Claude, mana-mcp and mana-auth are asked and answer into this new folder, without secrets.
    ///
    /// `tick --replay` plays it again, without them. Prompts and replies are in it: keep it as you keep the ledger.
    #[arg(long = "record", value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// Whether a recording answers instead of the neighbours.
#[derive(Clone, Debug, Default, Args)]
pub struct Recorded {
    /// Play this recording: nobody is asked and no key is needed; plugins and strategies are those of now.
    ///
    /// A request that is not in it ends its turn, which says what differs. The ledger is a copy of its own.
    #[arg(long = "replay", value_name = "DIR", id = "recorded", conflicts_with = "to")]
    pub from: Option<PathBuf>,
}
