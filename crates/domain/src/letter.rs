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

/// What goes to a terminal, whoever wrote parts of it: lines, tabs and styles stay, and whatever else acts is shown as
/// unreadable. It is the last door; who knows which part is untrusted makes it inert before.
#[must_use]
pub fn for_a_terminal(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(letter) = rest.chars().next() {
        let length = style(rest).unwrap_or(letter.len_utf8());
        let (piece, after) = rest.split_at(length);
        match acts(letter) && length == letter.len_utf8() && !matches!(letter, '\n' | '\t') {
            true => out.push(char::REPLACEMENT_CHARACTER),
            false => out.push_str(piece),
        }
        rest = after;
    }
    out
}

/// JSON that may be looked at on a terminal: what acts is written as its escape, and means the same.
#[must_use]
pub fn in_json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for letter in document.chars() {
        match acts(letter) && letter != '\n' {
            // All of them are in the first plane.
            true => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            false => out.push(letter),
        }
    }
    out
}

/// The length of the style that `text` begins with, such as `ESC [ 1;31 m`.
fn style(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_terminal_styles_style_and_nothing_else_acts() {
        for (text, shown) in [
            ("a\n\tb", "a\n\tb"),
            ("\u{1b}[1;31mred\u{1b}[0m", "\u{1b}[1;31mred\u{1b}[0m"),
            ("\u{1b}[mplain", "\u{1b}[mplain"),
            ("\u{1b}[2J", "\u{fffd}[2J"),
            ("\u{1b}]0;title\u{7}", "\u{fffd}]0;title\u{fffd}"),
            ("\u{1b}[31", "\u{fffd}[31"),
            ("\u{1b}", "\u{fffd}"),
            ("a\rb\u{8}\u{9b}2J", "a\u{fffd}b\u{fffd}\u{fffd}2J"),
            ("1.0\u{202e}0.2\u{2066}", "1.0\u{fffd}0.2\u{fffd}"),
            ("\u{e4}\u{1f642}", "\u{e4}\u{1f642}"),
        ] {
            assert_eq!(for_a_terminal(text), shown);
        }
    }

    #[test]
    fn json_means_what_it_meant() {
        let document = "{\n  \"a\": \"\u{202e}x\u{9b}\u{2028}\u{e4}\"\n}";
        assert_eq!(in_json(document), "{\n  \"a\": \"\\u202ex\\u009b\\u2028\u{e4}\"\n}");
    }

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
