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
