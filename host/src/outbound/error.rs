//! Why a request got no answer, live or off a tape: the same questions can be asked of both.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a request came to that got no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The HTTP client's own.
    #[error(transparent)]
    Live(#[from] reqwest::Error),
    /// One that was recorded.
    #[error("{top}")]
    Played {
        /// What kind it was.
        kind: BrokenBy,
        /// The outermost of its words.
        top: String,
        /// Those below.
        #[source]
        below: Option<Below>,
    },
    /// The recording does not have it, and nothing else is given in its place.
    #[error("{0}")]
    Unrecorded(String),
}

/// What a failure was of, as far as anybody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrokenBy {
    /// There was no connection, and nothing was sent.
    Connect,
    /// Nothing came in time.
    Timeout,
    /// The request could not be built.
    Builder,
    /// Anything else: the connection broke off.
    Other,
}

/// A failure as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Broken {
    pub(super) by: BrokenBy,
    /// Its words and those of its causes, the outermost first.
    pub(super) causes: Vec<String>,
}

/// The causes of a failure that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    text: String,
    below: Option<Box<Below>>,
}

impl SendError {
    /// Whether there was no connection, so that nothing can have been done.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.kind() == Some(BrokenBy::Connect)
    }

    /// Whether nothing came in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind() == Some(BrokenBy::Timeout)
    }

    /// Whether the request could not be built.
    #[must_use]
    pub fn is_builder(&self) -> bool {
        self.kind() == Some(BrokenBy::Builder)
    }

    /// Why the recording has no answer, if that is what is the matter.
    #[must_use]
    pub fn unrecorded(&self) -> Option<&str> {
        match self {
            Self::Unrecorded(why) => Some(why),
            _ => None,
        }
    }

    fn kind(&self) -> Option<BrokenBy> {
        match self {
            Self::Live(error) => Some(kind(error)),
            Self::Played { kind, .. } => Some(*kind),
            Self::Unrecorded(_) => None,
        }
    }
}

fn kind(error: &reqwest::Error) -> BrokenBy {
    match (error.is_connect(), error.is_timeout(), error.is_builder()) {
        (true, ..) => BrokenBy::Connect,
        (_, true, _) => BrokenBy::Timeout,
        (.., true) => BrokenBy::Builder,
        _ => BrokenBy::Other,
    }
}

impl Broken {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut causes = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        Self { by: kind(error), causes }
    }
}

impl From<Broken> for SendError {
    fn from(broken: Broken) -> Self {
        let mut causes = broken.causes.into_iter();
        let top = causes.next().unwrap_or_default();
        let below = causes.rev().fold(None, |below, text| Some(Below { text, below: below.map(Box::new) }));
        Self::Played { kind: broken.by, top, below }
    }
}

impl fmt::Display for Below {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Below {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.below.as_deref().map(|below| below as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_off_a_tape_has_the_causes_of_the_one_that_was_recorded() {
        let causes = ["error sending request", "client error (Connect)", "Connection refused (os error 111)"];
        let broken = Broken { by: BrokenBy::Connect, causes: causes.map(str::to_owned).to_vec() };
        let error = SendError::from(broken);
        assert!(error.is_connect() && !error.is_timeout() && error.unrecorded().is_none());
        let (mut said, mut cause) = (vec![error.to_string()], error.source());
        while let Some(error) = cause {
            said.push(error.to_string());
            cause = error.source();
        }
        assert_eq!(said, causes);
    }
}
