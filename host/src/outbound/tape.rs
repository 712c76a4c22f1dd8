//! What is on a tape: the files of a recording, and the lines of one of them. docs/recording.md tells the format. How it
//! is written and played is not known here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Broken;
use crate::private;
use domain::upstream::Upstream;

/// The format that is written, and the only one that is read.
pub const VERSION: u64 = 1;

/// The file that says whose recording it is. Without it a folder is none.
const HEAD: &str = "recording.json";
/// The file of exchanges.
pub(super) const EXCHANGES: &str = "exchanges.jsonl";
/// The ledger as it was before the first exchange.
const LEDGER: &str = "ledger.db";

/// Why a recording cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// There is something in the folder.
    #[error("{} is not empty: a recording is never mixed with another one, or with anything else", .0.display())]
    Taken(PathBuf),
    /// The folder or a file of it cannot be written or read.
    #[error("{} cannot be used: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Nothing says that it is one.
    #[error("{} is no recording: there is no {HEAD} in it", .0.display())]
    None(PathBuf),
    /// It is of another time.
    #[error("{} is a recording of version {found}, and this persona-host reads version {VERSION}", dir.display())]
    Version {
        /// The folder.
        dir: PathBuf,
        /// The version that it says.
        found: String,
    },
    /// What it says makes no sense.
    #[error("{} cannot be read: {cause}", path.display())]
    Head {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A line makes no sense.
    #[error("{}, line {line}, is no exchange: {cause}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        cause: String,
    },
}

impl TapeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Taken(_) => "name a folder that is not there yet",
            Self::File { .. } => "check the path, its permissions, and that the disk has space",
            Self::None(_) => "name the folder that --record was given",
            Self::Version { .. } => "play it with the persona-host that made it, or record anew",
            Self::Head { .. } | Self::Line { .. } => {
                "it was changed or cut off since it was recorded: record anew, or take the file from where it is whole"
            }
        }
    }

    /// Whether a file could not be had, and not what is in it.
    #[must_use]
    pub fn is_of_disk(&self) -> bool {
        matches!(self, Self::File { .. } | Self::Taken(_))
    }
}

/// What is known of a recording as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`VERSION`].
    pub v: u64,
    /// The version of the program that made it.
    pub program: String,
    /// What was called, such as `tick`.
    pub command: String,
    /// When, by the clock that the turns go by.
    pub began: DateTime<Utc>,
    /// The builds that served, by plugin: their digests.
    pub plugins: BTreeMap<String, String>,
    /// The strategies, by name: the digest of all that a strategy says.
    pub strategies: BTreeMap<String, String>,
    /// How it was set up, as far as a replay has to be set up alike: for whoever wires the program.
    pub setup: Value,
    /// How it ended; nothing of one that did not get there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Totals>,
}

/// What a recording came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Exchanges in it.
    pub exchanges: u64,
    /// Bytes of the file with the exchanges.
    pub bytes: u64,
    /// The digest of that file.
    pub sha256: String,
    /// Exchanges that are not in it.
    pub lost: u64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Head {
    /// Reads the head of a recording.
    pub(super) fn read(dir: &Path) -> Result<Self, TapeError> {
        let path = dir.join(HEAD);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(TapeError::None(dir.to_owned()));
            }
            Err(cause) => return Err(TapeError::File { path, cause }),
        };
        let unreadable =
            |cause: serde_json::Error| TapeError::Head { path: path.clone(), cause: cause.to_string() };
        let document: Value = serde_json::from_str(&text).map_err(unreadable)?;
        if document["v"] != VERSION {
            let found = document["v"].to_string();
            return Err(TapeError::Version { dir: dir.to_owned(), found });
        }
        serde_json::from_value(document).map_err(unreadable)
    }

    /// Writes it in the place of the one before, whole or not at all.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let (path, half) = (dir.join(HEAD), dir.join(format!("{HEAD}.half")));
        let document =
            serde_json::to_vec_pretty(self).expect("a value of strings and JSON can be written as JSON");
        private::write(&half, &document)?;
        std::fs::rename(half, path)
    }
}

/// Where the copy of the ledger is.
#[must_use]
pub fn ledger(dir: &Path) -> PathBuf {
    dir.join(LEDGER)
}

/// A line of the file of exchanges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Line {
    /// Something was asked.
    Exchange(Box<Exchange>),
    /// Something was told what time it is.
    Moment {
        /// What.
        of: String,
        /// The time.
        at: DateTime<Utc>,
    },
}

/// What was asked of a neighbour, and what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Exchange {
    /// In the order in which they were asked, from 1.
    pub(super) seq: u64,
    pub(super) upstream: Upstream,
    pub(super) question: Question,
    /// When the first of an answer was there, or the failure; nothing, if it was given up before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) came: Option<Came>,
    /// What came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
    /// What happened instead, or in the middle of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) broke: Option<Broken>,
}

/// The place of an answer among all answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Came {
    /// In the order in which they came, from 1.
    pub(super) nth: u64,
    /// When, by the clock that the turns go by.
    pub(super) at: DateTime<Utc>,
}

/// What was asked, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Question {
    /// The subject of the token that it was asked with, or what stands for the cookie; empty if there was neither.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) whose: String,
    pub(super) method: String,
    /// With its query, without the host.
    pub(super) path: String,
    /// Those that change what the answer is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
    /// JSON as it is; anything else as text.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) body: Value,
}

/// What came, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
    /// How many bytes of it came at a time.
    pub(super) chunks: Vec<usize>,
    /// Its end came, too; if not, and nothing broke, whoever asked did not want the rest.
    pub(super) is_whole: bool,
}

/// Bytes as they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Body {
    Text(String),
    Base64(String),
}

impl Body {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(bytes) => Self::Base64(STANDARD.encode(bytes.as_bytes())),
        }
    }

    pub(super) fn bytes(self) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Base64(text) => STANDARD.decode(text).map(Bytes::from).map_err(|error| error.to_string()),
        }
    }
}
