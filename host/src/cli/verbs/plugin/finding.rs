//! One thing that `plugin check` found out, and what it means for the host.

use serde::Serialize;

use super::ask::Cost;
use crate::cli::output::{BAD, FAINT, GOOD, ODD, styled, text_width};
use crate::cli::text::set;
use domain::ids::StrategyName;

/// How wide the names are, in characters.
const NAMES: usize = 16;

/// One thing that was found out.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at, such as `contract` or `compose-turn`.
    pub(super) name: String,
    /// What it means.
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) says: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// The strategy under which it was called, where it was.
    pub(super) strategy: Option<StrategyName>,
    /// What the call cost, where one was made.
    pub(super) call: Option<Cost>,
    /// It was refused over a call with a sample, which the host does not make before it loads a build.
    #[serde(skip)]
    pub(super) of_sample: bool,
}

/// What a finding means for the host; the worst is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
    Warn,
    /// The host would not use it, or not what a call of it gave.
    Refused,
}

impl Finding {
    /// Something that is as it should be.
    pub(super) fn ok(name: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict: Verdict::Ok,
            says: says.into(),
            hint: None,
            strategy: None,
            call: None,
            of_sample: false,
        }
    }

    /// Something that somebody should look at.
    pub(super) fn warn(name: impl Into<String>, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, hint: Some(hint.into()), ..Self::ok(name, says) }
    }

    /// Something for which the host would not use the plugin.
    pub(super) fn refused(name: impl Into<String>, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { verdict: Verdict::Refused, hint: Some(hint.into()), ..Self::ok(name, says) }
    }

    /// A call with a sample of which the host could use nothing. A turn like it would end in a fault.
    pub(super) fn fails(name: impl Into<String>, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { of_sample: true, ..Self::refused(name, says, hint) }
    }

    /// Whether the host would not load the plugin for it.
    pub(super) fn keeps_out(&self) -> bool {
        self.verdict == Verdict::Refused && !self.of_sample
    }

    /// A few lines for people.
    pub(super) fn text(&self) -> String {
        let mark = match self.verdict {
            Verdict::Ok => styled(GOOD, "✓"),
            Verdict::Warn => styled(ODD, "!"),
            Verdict::Refused => styled(BAD, "✗"),
        };
        let label = format!("{mark} {:<NAMES$}", self.name);
        let indent = NAMES + 2;
        let mut text = set(&label, indent, &self.says, text_width());
        if let Some(hint) = &self.hint {
            let label = format!("{}{}", " ".repeat(indent), styled(FAINT, "→ "));
            text += &set(&label, indent + 2, hint, text_width());
        }
        text
    }
}
