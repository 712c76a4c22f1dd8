//! Two texts beside each other: the lines that changed, with a few around them.

use similar::{ChangeTag, TextDiff};

use crate::cli::output::{BAD, FAINT, GOOD, styled};
use crate::cli::text::printable;

/// Lines around a change that are shown with it.
const AROUND: usize = 1;

/// The lines that changed: `-` what was there, `+` what is there now.
pub(in crate::cli::verbs) fn lines(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let groups = diff.grouped_ops(AROUND);
    let changes = groups.iter().flatten().flat_map(|op| diff.iter_changes(op));
    let line = |sign: &str, line: &str| format!("{sign} {}", line.trim_end_matches('\n'));
    changes
        .map(|change| match change.tag() {
            ChangeTag::Equal => line(" ", change.value()),
            ChangeTag::Delete => line("-", change.value()),
            ChangeTag::Insert => line("+", change.value()),
        })
        .collect()
}

/// These lines, marked, for people.
pub(in crate::cli::verbs) fn text(lines: &[String]) -> String {
    let marked = lines.iter().map(|line| {
        let style = match line.as_bytes().first() {
            Some(b'-') => BAD,
            Some(b'+') => GOOD,
            _ => FAINT,
        };
        format!("    {}\n", styled(style, printable(line)))
    });
    marked.collect()
}
