//! A page of facts: a label each, and text that hangs beside it. Whatever is on it came from a file
//! that somebody wrote, so it is made printable.

use crate::cli::output::{FAINT, HEAD, styled, text_width};
use crate::cli::text::set;

/// How wide the labels are, in characters.
const LABELS: usize = 14;

/// A page of facts.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// A heading.
    pub(super) fn heading(&mut self, text: &str) {
        self.0 +=
            &set("", 0, text, text_width()).lines().map(|line| styled(HEAD, line) + "\n").collect::<String>();
    }

    /// A fact. Its lines stay lines.
    pub(super) fn fact(&mut self, label: &str, text: &str) {
        let label = styled(FAINT, format!("{label:<LABELS$}"));
        self.0 += &set(&label, LABELS, text, text_width());
    }

    /// What was put on it.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}
