//! Short ways to make the pieces of a page.

use crate::page::model::{Block, Column, Fact, Row, Section, Table};
use crate::page::place::{Path, Place};
use crate::report::Comparison;

/// A place in a comparison.
pub(super) fn compared(comparison: &Comparison, path: &str) -> Path {
    Path::of(&format!("comparisons/{path}")).for_arm(comparison.treatment.as_str())
}

/// A section.
pub(super) fn section(path: Path, heading: &str, lead: impl Into<String>, blocks: Vec<Block>) -> Section {
    Section { place: Place::at(path), heading: heading.to_owned(), lead: lead.into(), blocks }
}

/// A number with its meaning.
pub(super) fn fact(
    path: Path,
    name: impl Into<String>,
    value: impl Into<String>,
    meaning: impl Into<String>,
) -> Fact {
    Fact { place: Place::at(path), name: name.into(), value: value.into(), meaning: meaning.into() }
}

/// A table. A heading that begins with `#` is that of numbers.
pub(super) fn table(caption: &str, headings: &[&str], rows: Vec<Row>) -> Block {
    let column = |heading: &&str| {
        let number = heading.strip_prefix('#');
        Column { heading: number.unwrap_or(heading).to_owned(), number: number.is_some() }
    };
    Block::Table(Table { caption: caption.to_owned(), columns: headings.iter().map(column).collect(), rows })
}

/// A row of a table.
pub(super) fn row<const N: usize>(path: Path, cells: [String; N]) -> Row {
    Row { place: Place::at(path), cells: cells.into() }
}

/// A sentence begins with a capital and ends with a full stop.
pub(super) fn sentence(text: &str) -> String {
    let text = stopped(text);
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}", letters.as_str())
}

/// The text with a full stop at its end.
pub(super) fn stopped(text: &str) -> String {
    let text = text.trim();
    let stop = if text.is_empty() || text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{text}{stop}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_look_like_sentences() {
        for (text, shown) in [
            ("nothing can be said yet", "Nothing can be said yet."),
            ("Stop!", "Stop!"),
            ("älter", "Älter."),
            ("", ""),
        ] {
            assert_eq!(sentence(text), shown);
        }
    }
}
