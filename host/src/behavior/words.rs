//! Words of others: of a plugin, or of the names in its file. Whoever reads them is to see what they say, and
//! nothing that they do: no line that looks like one of ours, no text that runs the other way.

use domain::letter::acts;

/// One line of at most so many characters.
pub(super) fn line(text: String, characters: usize) -> String {
    shorten(text, characters).chars().map(|c| if c.is_whitespace() { ' ' } else { inert(c) }).collect()
}

/// The same, with its own line breaks.
pub(super) fn lines(text: String, characters: usize) -> String {
    shorten(text, characters).chars().map(|c| if c == '\n' || c == '\t' { c } else { inert(c) }).collect()
}

/// `text` up to so many characters.
pub(super) fn shorten(mut text: String, characters: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn inert(c: char) -> char {
    if acts(c) { char::REPLACEMENT_CHARACTER } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_show_themselves_and_do_nothing() {
        for (said, one, many) in [
            ("plain \u{e4}\u{1f642}", "plain \u{e4}\u{1f642}", "plain \u{e4}\u{1f642}"),
            ("1.0\nok  load", "1.0 ok  load", "1.0\nok  load"),
            ("a\tb\r\nc", "a b  c", "a\tb\u{fffd}\nc"),
            ("\u{1b}[31mred", "\u{fffd}[31mred", "\u{fffd}[31mred"),
            ("1.0\u{202e}0.2", "1.0\u{fffd}0.2", "1.0\u{fffd}0.2"),
            ("\u{2066}a\u{2069}\u{200f}", "\u{fffd}a\u{fffd}\u{fffd}", "\u{fffd}a\u{fffd}\u{fffd}"),
            ("a\u{2029}b", "a b", "a\u{fffd}b"),
            ("123456789012345", "1234567890…", "1234567890…"),
        ] {
            let most = if one.ends_with('…') { 10 } else { 100 };
            assert_eq!(line(said.to_owned(), most), one);
            assert_eq!(lines(said.to_owned(), most), many);
        }
    }
}
