//! Text from outside that cannot do anything to whoever reads it.

use domain::letter::acts;

/// The text in one line, without control characters and without marks that turn the reading direction. What is
/// markup in a form is that form's to escape.
pub(super) fn clean(text: &str) -> String {
    let is_odd = |letter: char| acts(letter) || letter == '\u{feff}';
    text.chars()
        .map(|letter| match letter {
            '\n' | '\r' | '\t' => ' ',
            letter if is_odd(letter) => char::REPLACEMENT_CHARACTER,
            letter => letter,
        })
        .collect()
}
