//! Where in the file a key is, so that what is wrong with its value can be pointed at.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::shown::{Origin, Shown};

/// The file that values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// The same error by the name under which the value was set: with the place in the file, or as the variable.
pub(super) fn told(error: ConfigError, shown: &[Shown], written: Option<&Written>) -> ConfigError {
    let error = match error {
        ConfigError::Value { name, problem, raw } => {
            let name = variable_of(&name, shown).map_or(name, str::to_owned);
            ConfigError::Value { name, problem, raw }
        }
        other => other,
    };
    let key = match &error {
        ConfigError::Value { name, .. } => name,
        ConfigError::NoSuchStrategy { key, .. } | ConfigError::Nobody { key, .. } => key,
        _ => return error,
    };
    match written.and_then(|written| Some((written, span(&written.text, key)?))) {
        None => error,
        Some((Written { path, text }, span)) => {
            ConfigError::At { path: path.clone(), text: text.clone(), span, error: Box::new(error) }
        }
    }
}

fn variable_of<'a>(key: &str, shown: &'a [Shown]) -> Option<&'a str> {
    let shown = shown.iter().rev().find(|shown| shown.key == key)?;
    match &shown.origin {
        Origin::Environment(variable) => Some(variable),
        Origin::Default | Origin::File(_) => None,
    }
}

/// Where the value of a key is, such as that of `routing.personas.anna@mana.test`: of a section, its name.
pub(super) fn span(text: &str, key: &str) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let (name, value) = entry(document.get_ref(), key)?;
    Some(if is_section(value) { name.span() } else { value.span() })
}

fn is_section(value: &Spanned<DeValue<'_>>) -> bool {
    value.get_ref().is_table()
}

/// Names may have dots in them, so each beginning of the key that is a name is tried.
fn entry<'t, 'i>(
    table: &'t DeTable<'i>,
    key: &str,
) -> Option<(&'t Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>)> {
    table.iter().find_map(|(name, value)| {
        let own = name.get_ref().as_ref();
        let rest = key.strip_prefix(own).or_else(|| key.strip_prefix(&format!("{own:?}")))?;
        match rest.strip_prefix('.') {
            None if rest.is_empty() => Some((name, value)),
            Some(rest) => entry(value.get_ref().as_table()?, rest),
            None => None,
        }
    })
}

/// The entry that something at this place is wrong with, as it can be taken out of the text: a line of a section, or a
/// whole section.
pub(super) fn around(text: &str, place: &Range<usize>) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let line = within(document.get_ref(), place);
    line.map(|line| with_its_beginning(text, line)).or_else(|| section(text, place.start))
}

/// The same with what a dotted key has before its last name, as in `runner.concurrency = 2`.
fn with_its_beginning(text: &str, entry: Range<usize>) -> Range<usize> {
    let before = text.get(..entry.start).unwrap_or_default();
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let is_of_the_key = before.get(line..).is_some_and(|before| !before.contains(['{', '[', ',', '=']));
    if is_of_the_key { line..entry.end } else { entry }
}

/// The innermost `key = value` that has the place in it and is no section itself.
fn within(table: &DeTable<'_>, place: &Range<usize>) -> Option<Range<usize>> {
    table.iter().find_map(|(name, value)| {
        let whole = name.span().start..value.span().end;
        let is_line = whole.start < whole.end && whole.contains(&place.start);
        match value.get_ref().as_table() {
            Some(inner) if !is_inline(value, name) => within(inner, place),
            _ if is_line => Some(whole),
            _ => None,
        }
    })
}

/// A table after an equals sign ends behind its name's line began; a section's place is that of its header.
fn is_inline(value: &Spanned<DeValue<'_>>, name: &Spanned<std::borrow::Cow<'_, str>>) -> bool {
    value.span().start > name.span().end
}

/// From the header before a place to the next header.
fn section(text: &str, place: usize) -> Option<Range<usize>> {
    // It may be the header's own bracket.
    let before = text.get(..=place).or_else(|| text.get(..place))?;
    let begin = before.rfind("\n[").map_or(0, |at| at + 1);
    let end = text.get(begin..)?.find("\n[").map_or(text.len(), |at| begin + at + 1);
    Some(begin..end)
}
