//! What the scripted Claude understands of a prompt: language, module names, percentages, ranges.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Whether a prompt is German; otherwise it is taken for English.
pub(super) fn is_german(prompt: &str) -> bool {
    const GERMAN: [&str; 14] = [
        "und", "der", "die", "das", "du", "dein", "deine", "deiner", "heute", "ist", "nicht", "mit", "bitte",
        "nur",
    ];
    const ENGLISH: [&str; 12] =
        ["and", "the", "you", "your", "today", "is", "not", "with", "please", "only", "of", "to"];
    let words: Vec<String> = words(prompt).map(|word| word.text.to_lowercase()).collect();
    let count = |list: &[&str]| words.iter().filter(|word| list.contains(&word.as_str())).count();
    count(&GERMAN) >= count(&ENGLISH)
}

/// One of `modules` that the prompt names, and its percentage if one follows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mention<'m> {
    pub(super) module: &'m str,
    pub(super) percent: Option<f64>,
}

/// The modules that the prompt names as words, each once, in order of first mention.
pub(super) fn mentions<'m>(prompt: &str, modules: &'m BTreeSet<String>) -> Vec<Mention<'m>> {
    let mut found: Vec<Mention<'m>> = Vec::new();
    for word in words(prompt) {
        let Some(module) = modules.get(&word.text.to_lowercase()) else { continue };
        let percent = percent_after(&prompt[word.end..]);
        match found.iter_mut().find(|mention| mention.module == module) {
            Some(mention) => mention.percent = mention.percent.or(percent),
            None => found.push(Mention { module, percent }),
        }
    }
    found
}

/// The modules that a rating prompt lists. JSON in the prompt is an example of the answer's form,
/// and "notes" is also one of its fields and an English word, so it counts only in a list.
pub(super) fn listed<'m>(prompt: &str, modules: &'m BTreeSet<String>) -> Vec<&'m str> {
    let prompt = without_braces(prompt);
    let words: Vec<Word<'_>> = words(&prompt).collect();
    let is_module = |word: &Word<'_>| modules.contains(&word.text.to_lowercase());
    let in_a_list = |index: usize| {
        let word = &words[index];
        let gap = |text: &str| text.trim_matches([' ', '"', '`', '\'', '*', '„', '“', '”']).to_owned();
        let before = gap(&prompt[index.checked_sub(1).map_or(0, |before| words[before].end)..word.start]);
        let after = gap(&prompt[word.end..words.get(index + 1).map_or(prompt.len(), |next| next.start)]);
        let joined_to_a_module = index >= 2
            && matches!(words[index - 1].text, "and" | "und" | "or" | "oder")
            && is_module(&words[index - 2]);
        let after_the_word = index >= 1
            && before.is_empty()
            && ["module", "modul", "modules", "modulen", "used"]
                .contains(&words[index - 1].text.to_lowercase().as_str());
        before.ends_with([',', ':', '-', '•', '(', '[', '\n'])
            || after.starts_with(',')
            || joined_to_a_module
            || after_the_word
    };
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let Some(module) = modules.get(&word.text.to_lowercase()) else { continue };
        if (module != "notes" || in_a_list(index)) && !found.contains(&module.as_str()) {
            found.push(module);
        }
    }
    found
}

/// How many tool calls the prompt asks for, such as `3–8`, `2 or 3`, `two to four`, `drei bis fünf`.
pub(super) fn range(prompt: &str) -> Option<RangeInclusive<u32>> {
    let tokens: Vec<&str> = prompt
        .split_whitespace()
        .map(|token| token.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|token| !token.is_empty())
        .collect();
    let in_one = tokens.iter().find_map(|token| {
        let (low, high) = token.split_once(['-', '–', '—'])?;
        ordered(number(low)?, number(high)?)
    });
    in_one.or_else(|| {
        tokens.windows(3).find_map(|three| {
            let joined = matches!(three[1], "or" | "to" | "oder" | "bis");
            joined.then(|| ordered(number(three[0])?, number(three[2])?)).flatten()
        })
    })
}

fn ordered(low: u32, high: u32) -> Option<RangeInclusive<u32>> {
    (low <= high && high <= 20).then_some(low..=high)
}

fn number(word: &str) -> Option<u32> {
    const WORDS: [[&str; 2]; 11] = [
        ["zero", "null"],
        ["one", "ein"],
        ["two", "zwei"],
        ["three", "drei"],
        ["four", "vier"],
        ["five", "fünf"],
        ["six", "sechs"],
        ["seven", "sieben"],
        ["eight", "acht"],
        ["nine", "neun"],
        ["ten", "zehn"],
    ];
    let lower = word.to_lowercase();
    let known = WORDS.iter().zip(0..).find(|(words, _)| words.contains(&lower.as_str()));
    known.map(|(_, number)| number).or_else(|| word.parse().ok())
}

struct Word<'p> {
    text: &'p str,
    start: usize,
    end: usize,
}

/// The runs of letters, digits and underscores.
fn words(prompt: &str) -> impl Iterator<Item = Word<'_>> {
    let is_inside = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + prompt[rest..].find(is_inside)?;
        let end = prompt[start..].find(|c: char| !is_inside(c)).map_or(prompt.len(), |length| start + length);
        rest = end;
        Some(Word { text: &prompt[start..end], start, end })
    })
}

/// `30 %` or `(30 %)` or `: 30%` at the beginning of `text`.
fn percent_after(text: &str) -> Option<f64> {
    let text = text.trim_start_matches([' ', '(', ':', '=', '~', '`', '*', '"']);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
    let number = text[..end].replace(',', ".").parse().ok()?;
    text[end..].trim_start_matches([' ', '\u{a0}', '\u{202f}']).starts_with('%').then_some(number)
}

fn without_braces(prompt: &str) -> String {
    let mut depth = 0_u32;
    let mut outside = String::with_capacity(prompt.len());
    for c in prompt.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            c if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modules() -> BTreeSet<String> {
        ["todo", "notes", "journal", "habits"].map(str::to_owned).into()
    }

    #[test]
    fn the_range_of_calls_is_read_and_a_date_is_not_one() {
        let rows = [
            ("Nutze 3–8 Werkzeuge.", Some(3..=8)),
            ("Am 2026-11-22: nutze (2-4) davon.", Some(2..=4)),
            ("Use two or three tools, please.", Some(2..=3)),
            ("drei bis fünf", Some(3..=5)),
            ("Use 3 to 8 tools", Some(3..=8)),
            ("Today is 2026-11-22.", None),
            ("8-3", None),
            ("100-200", None),
        ];
        for (prompt, expected) in rows {
            assert_eq!(range(prompt), expected, "{prompt}");
        }
    }

    #[test]
    fn modules_are_found_with_their_percentages() {
        let mention = |module, percent| Mention { module, percent };
        let modules = modules();
        let rows = [
            (
                "todo 30 %, notes (12,5 %) und habits",
                vec![mention("todo", Some(30.0)), mention("notes", Some(12.5)), mention("habits", None)],
            ),
            ("Mostly `journal`: 70%; a todolist is no module", vec![mention("journal", Some(70.0))]),
            ("nothing", vec![]),
        ];
        for (prompt, expected) in rows {
            assert_eq!(mentions(prompt, &modules), expected, "{prompt}");
        }
    }

    #[test]
    fn a_rating_prompt_lists_modules_and_its_example_does_not() {
        let modules = modules();
        let rows: [(&str, &[&str]); 7] = [
            (
                r#"You just used notes. Reply with {"ratings":[{"module":"notes","rating":N,"notes":"why"}]}"#,
                &["notes"],
            ),
            (
                r#"Bewerte: todo, habits. Nur JSON: {"ratings":[{"module":"…","notes":"…"}]}"#,
                &["todo", "habits"],
            ),
            ("Rate todo and notes.", &["todo", "notes"]),
            ("Rate these modules:\n- notes\n- journal\nGive short notes.", &["notes", "journal"]),
            ("Rate todo with notes of one sentence", &["todo"]),
            ("Module: \"notes\" und \"todo\"", &["notes", "todo"]),
            ("Fields are module, rating and notes. Modules: habits", &["habits"]),
        ];
        for (prompt, expected) in rows {
            assert_eq!(listed(prompt, &modules), expected, "{prompt}");
        }
    }

    #[test]
    fn the_language_is_that_of_the_small_words() {
        assert!(is_german("Heute ist der 22. November. Lebe deinen Tag."));
        assert!(!is_german("Today is November 22nd. Live your day with the tools."));
    }
}
