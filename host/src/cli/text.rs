//! Running text: lines that fit, and untrusted text that stays inert.

use std::fmt::Write as _;

/// Text of a model, a plugin or a neighbour is untrusted: escape sequences in it stay inert on a terminal.
#[must_use]
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// `text` after `label`, in lines of at most `width` characters where words allow it; further lines
/// begin `indent` characters further right. Its own line breaks stay.
#[must_use]
pub(super) fn set(label: &str, indent: usize, text: &str, width: usize) -> String {
    let mut set = String::new();
    let room = width.saturating_sub(indent).max(20);
    for line in text.lines().flat_map(|line| wrapped(line, room)) {
        let margin = if set.is_empty() { label.to_owned() } else { " ".repeat(indent) };
        let line = format!("{margin}{}", printable(&line));
        // Writing to a string cannot fail.
        let _ = writeln!(set, "{}", line.trim_end());
    }
    set
}

/// A line in pieces of at most `room` characters; a word that is longer stays in one piece, so that
/// addresses and JSON can be copied.
fn wrapped(line: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for word in line.split(' ') {
        let word_length = word.chars().count();
        let last = pieces.last_mut().expect("it begins with one");
        if length == 0 {
            last.push_str(word);
            length = word_length;
        } else if length + 1 + word_length <= room {
            last.push(' ');
            last.push_str(word);
            length += 1 + word_length;
        } else {
            pieces.push(word.to_owned());
            length = word_length;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_hang_under_the_label() {
        let text = "Heute ist ein Tag wie jeder andere.\n\nUnd doch.";
        let lines = "says Heute ist ein Tag wie\n     jeder andere.\n\n     Und doch.\n";
        assert_eq!(set("says ", 5, text, 28), lines);
    }

    #[test]
    fn a_long_word_stays_in_one_piece() {
        let long = "x".repeat(50);
        assert_eq!(set("", 0, &format!("a {long} b"), 20), format!("a\n{long}\nb\n"));
    }

    #[test]
    fn escape_sequences_stay_inert() {
        assert_eq!(set("", 0, "\u{1b}[31mred\u{7}", 80), "\u{fffd}[31mred\u{fffd}\n");
    }
}
