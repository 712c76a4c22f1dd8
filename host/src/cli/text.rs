//! Running text: lines that fit, and untrusted text that stays inert.

use std::fmt::Write as _;

use domain::letter::{acts, one_line};

/// Text of a model, a plugin or a neighbour is untrusted: escape sequences in it stay inert on a terminal, and so
/// does what turns the direction of text (UAX #9). What only makes room, such as a line break, is a space.
#[must_use]
pub(super) fn printable(text: &str) -> String {
    let inert = |c: char| match acts(c) {
        true if c.is_whitespace() => ' ',
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    text.chars().map(inert).collect()
}

/// The same in one line of at most `most` characters, for places that have no room for several.
#[must_use]
pub(super) fn in_a_line(text: &str, most: usize) -> String {
    let mut line = one_line(text);
    if let Some((end, _)) = line.char_indices().nth(most) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// `text` after `label`, in lines of at most `width` characters where words allow it; further lines
/// begin `indent` characters further right. Its own line breaks stay.
#[must_use]
pub(super) fn set(label: &str, indent: usize, text: &str, width: usize) -> String {
    let mut set = String::new();
    let room = width.saturating_sub(indent).max(20);
    let mut taken = visible(label).saturating_sub(indent);
    let lines = text.lines().flat_map(|line| wrapped(line, std::mem::take(&mut taken), room));
    for line in lines {
        let margin = if set.is_empty() { label.to_owned() } else { " ".repeat(indent) };
        let line = format!("{margin}{}", printable(&line));
        // Writing to a string cannot fail.
        let _ = writeln!(set, "{}", line.trim_end());
    }
    set
}

/// A number of bytes for people.
#[must_use]
pub fn size(bytes: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let bytes = bytes as f64;
    match bytes / 1024.0 {
        kibibytes if kibibytes < 1.0 => format!("{bytes} bytes"),
        kibibytes if kibibytes < 1024.0 => format!("{kibibytes:.1} KiB"),
        kibibytes if kibibytes < 1024.0 * 1024.0 => format!("{:.1} MiB", kibibytes / 1024.0),
        kibibytes => format!("{:.1} GiB", kibibytes / 1024.0 / 1024.0),
    }
}

/// A number of things, whose word takes an s where they are several.
#[must_use]
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The same with the words for one, and for several, such as what they do.
#[must_use]
pub(super) fn so_many(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// A number with its digits in groups of three.
#[must_use]
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

/// How many characters of a label are seen; styles are not.
fn visible(label: &str) -> usize {
    anstream::adapter::strip_str(label).to_string().trim_start_matches('\n').chars().count()
}

/// A line in pieces of at most `room` characters, the first with `taken` fewer; a word that is longer
/// stays in one piece, so that addresses and JSON can be copied.
fn wrapped(line: &str, taken: usize, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = taken;
    for (position, word) in line.split(' ').enumerate() {
        let word_length = word.chars().count();
        let last = pieces.last_mut().expect("it begins with one");
        if position == 0 {
            last.push_str(word);
            length += word_length;
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
    fn a_label_takes_room_from_the_first_line_only() {
        let lines = "fault in ask: it was busy and\n  busy again and again\n";
        assert_eq!(set("fault in ask: ", 2, "it was busy and busy again and again", 30), lines);
    }

    #[test]
    fn a_long_word_stays_in_one_piece() {
        let long = "x".repeat(50);
        assert_eq!(set("", 0, &format!("a {long} b"), 20), format!("a\n{long}\nb\n"));
    }

    #[test]
    fn numbers_can_be_read_at_a_glance() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (82_000, "80.1 KiB"),
            (18 << 20, "18.0 MiB"),
            (3 << 30, "3.0 GiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
        for (count, shown) in [(0, "0 turns"), (1, "1 turn"), (2, "2 turns")] {
            assert_eq!(counted(count, "turn"), shown);
        }
        assert_eq!(so_many(1, "persona plays", "personas play"), "1 persona plays");
        assert_eq!(so_many(0, "persona plays", "personas play"), "0 personas play");
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), shown);
        }
    }

    #[test]
    fn escape_sequences_stay_inert() {
        assert_eq!(set("", 0, "\u{1b}[31mred\u{7}", 80), "\u{fffd}[31mred\u{fffd}\n");
        assert_eq!(printable("a\nb\tc\u{2028}d\u{7}\u{202e}"), "a b c d\u{fffd}\u{fffd}");
    }

    #[test]
    fn what_has_one_line_is_told_in_one() {
        assert_eq!(in_a_line("it trapped:\n  at the moon", 80), "it trapped: / at the moon");
        assert_eq!(in_a_line("it trapped:\n  at the moon", 12), "it trapped: …");
        assert_eq!(in_a_line("\u{1b}[2J\nx", 80), "\u{fffd}[2J / x");
    }
}
