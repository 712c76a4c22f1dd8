//! Names in rows: no spreadsheet takes one for a formula, and no two of them look the same.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use unicode_normalization::UnicodeNormalization as _;

use super::Unusable;

/// What a spreadsheet takes for text.
const MARK: char = '\'';

/// A name as the text of a cell. One that begins like a formula gets a mark, which reading takes off again, so that
/// what is handed on can be opened anywhere and still has the same names. Numbers have cells of their own.
pub(super) fn harmless(name: &str) -> String {
    if begins_like_a_formula(name) { format!("{MARK}{name}") } else { name.to_owned() }
}

/// The name that a cell stands for.
pub(super) fn meant(cell: &str) -> &str {
    cell.strip_prefix(MARK).filter(|name| begins_like_a_formula(name)).unwrap_or(cell)
}

/// Marks do not count, so that a name with a mark of its own comes back with it. White space does, because some
/// programs look behind it, and because rows are read without what surrounds a cell.
fn begins_like_a_formula(name: &str) -> bool {
    let begins = |letter: char| {
        letter.is_whitespace() || matches!(letter, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
    };
    name.trim_start_matches(MARK).starts_with(begins)
}

/// A letter that nobody sees and no name needs.
pub(super) fn is_hidden(letter: char) -> bool {
    letter.is_control() && !letter.is_whitespace()
}

/// The names of personas and arms so far. One persona under two spellings would count as two, and one arm as two arms.
#[derive(Debug, Default)]
pub(super) struct Spellings {
    seen: BTreeMap<(&'static str, String), (String, u64)>,
}

impl Spellings {
    /// Notes a name of a column.
    pub(super) fn note(&mut self, column: &'static str, name: &str, line: u64) -> Result<(), Unusable> {
        match self.seen.entry((column, folded(name))) {
            Entry::Vacant(free) => {
                free.insert((name.to_owned(), line));
                Ok(())
            }
            Entry::Occupied(before) if before.get().0 == name => Ok(()),
            Entry::Occupied(before) => {
                let (other, first) = before.get().clone();
                Err(Unusable::Alike { line, column, name: name.to_owned(), other, first })
            }
        }
    }
}

/// What is left of a name when case, white space, invisible letters and ways to write an accent do not count.
fn folded(name: &str) -> String {
    let invisible = |letter: &char| matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let seen: String = name.nfc().filter(|letter| !invisible(letter)).flat_map(char::to_lowercase).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_begins_like_a_formula_is_text_and_comes_back() {
        for (name, cell) in [
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-x", "'-x"),
            ("-5", "'-5"),
            ("@sum", "'@sum"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            (" =1", "' =1"),
            ("＝1", "'＝1"),
            ("'=1", "''=1"),
            ("''-", "'''-"),
            ("'quoted'", "'quoted'"),
            ("'", "'"),
            ("anna", "anna"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(harmless(name), cell, "{name:?}");
            assert_eq!(meant(cell), name, "{cell:?}");
        }
    }

    #[test]
    fn two_spellings_of_one_name_are_noticed() {
        for (one, other, alike) in [
            ("brief", "Brief", true),
            ("jos\u{e9}", "jose\u{301}", true),
            ("anna\u{200b}", "anna", true),
            ("anna  b", "anna\tb", true),
            ("jose", "jos\u{e9}", false),
            ("anna", "annab", false),
            ("anna", "anna", false),
        ] {
            let mut spellings = Spellings::default();
            spellings.note("persona", one, 2).unwrap();
            spellings.note("arm", other, 3).unwrap();
            assert_eq!(spellings.note("persona", other, 3).is_err(), alike, "{one:?} {other:?}");
        }
    }
}
