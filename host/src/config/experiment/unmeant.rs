//! What is wrong with a file that can be read, in a sentence.

/// The longest name of an experiment or an arm: it is a column of reports and part of file names.
const LONGEST_NAME: usize = 60;

/// What is wrong with a file that can be read, and what to write instead.
pub(super) struct Unmeant {
    pub(super) problem: String,
    pub(super) hint: String,
}

pub(super) fn unmeant<T>(problem: impl Into<String>, hint: impl Into<String>) -> Result<T, Unmeant> {
    Err(Unmeant { problem: problem.into(), hint: hint.into() })
}

pub(super) fn named(what: &str, name: &str) -> Result<(), Unmeant> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(fine) || name.starts_with('.') {
        let hint =
            format!("use up to {LONGEST_NAME} letters, digits, '-', '_' and '.', such as \"brief-2026-11\"");
        return unmeant(format!("{what} is {name:?}"), hint);
    }
    Ok(())
}

pub(super) fn positive(what: &str, number: f64) -> Result<(), Unmeant> {
    if number > 0.0 && number.is_finite() {
        return Ok(());
    }
    unmeant(format!("{what} is {number}"), "write a number above 0")
}
