//! Characters that do something instead of showing something.

/// Whether a character acts on what is around it: controls, and what turns the direction of text (UAX #9) or ends
/// a line or a paragraph in Unicode's own way. In words of others such a character is shown as unreadable.
#[must_use]
pub fn acts(letter: char) -> bool {
    let turns_text = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns_text || letter.is_control()
}

/// `text` in one line: its own line breaks become " / ", and what acts is shown as unreadable.
#[must_use]
pub fn one_line(text: &str) -> String {
    let ends_line =
        |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let lines: Vec<String> = (text.split(ends_line))
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(" / ").chars().map(|c| if acts(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_lines_become_one_that_does_nothing() {
        for (text, line) in [
            ("plain \u{e4}\u{1f642}", "plain \u{e4}\u{1f642}"),
            (
                "it trapped; it printed:\n    no moon\n\n    no sun\n",
                "it trapped; it printed: / no moon / no sun",
            ),
            ("a\r\nb\u{2028}c\td", "a / b / c d"),
            ("\u{1b}[31mred\u{7}\u{202e}", "\u{fffd}[31mred\u{fffd}\u{fffd}"),
            ("\n \n", ""),
        ] {
            assert_eq!(one_line(text), line);
        }
    }
}
