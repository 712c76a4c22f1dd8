//! What a persona remembers from one turn to the next: the day, what it said, how it rated.

use persona_plugin::{Rating, TurnOutcome};
use serde::{Deserialize, Serialize};

/// How much of the closing words is remembered, in characters.
const MAX_SUMMARY: usize = 300;

/// The memory document.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The day, `YYYY-MM-DD`.
    pub(crate) date: String,
    /// What the persona said at the end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<String>,
    /// How it rated then.
    #[serde(default)]
    pub(crate) ratings: Vec<Remembered>,
}

/// One rating, without its notes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) module: String,
    pub(crate) score: u8,
}

impl Memory {
    /// What to remember of a turn.
    pub(crate) fn of(date: &str, outcome: &TurnOutcome, ratings: &[Rating]) -> Self {
        Self {
            date: date.to_owned(),
            summary: outcome.final_text.as_deref().and_then(summary),
            ratings: ratings
                .iter()
                .map(|rating| Remembered { module: rating.module.clone(), score: rating.score })
                .collect(),
        }
    }
}

/// Words on one line, ended at a word if they are too many.
fn summary(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_SUMMARY) {
        None if line.is_empty() => None,
        None => Some(line),
        Some((end, _)) => {
            let whole_words = line[..end].rsplit_once(' ').map_or(&line[..end], |(words, _)| words);
            Some(format!("{whole_words} …"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_one_line_of_bounded_length() {
        assert_eq!(summary(" \n "), None);
        assert_eq!(summary("Guter\n Tag."), Some("Guter Tag.".to_owned()));
        let long = summary(&"größer ".repeat(100)).expect("there is text");
        assert!(long.ends_with("größer …") && long.chars().count() <= MAX_SUMMARY + 2, "{long}");
    }
}
