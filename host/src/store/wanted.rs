//! Which turns and which costs are wanted, as people write it. The command line and the API read it here, and say no in the
//! same words.

use super::{CostsBy, TurnFilter};

/// Words that name something, such as the address of a persona.
///
/// # Errors
/// When there are none; `what` says what they would name.
pub fn named(text: &str, what: &str) -> Result<String, String> {
    if text.is_empty() { Err(format!("it must be {what}")) } else { Ok(text.to_owned()) }
}

/// The address of a persona.
///
/// # Errors
/// When it is empty.
pub fn persona(text: &str) -> Result<String, String> {
    named(text, "the address of a persona")
}

/// One of these words.
///
/// # Errors
/// When it is another one.
pub fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    match words.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("it must be one of {}", words.join(", "))),
    }
}

/// How a turn stands.
///
/// # Errors
/// When no turn stands so.
pub fn state(text: &str) -> Result<String, String> {
    one_of(text, &TurnFilter::STATES)
}

/// By what costs are told apart.
///
/// # Errors
/// When they are not told apart so.
pub fn costs_by(text: &str) -> Result<CostsBy, String> {
    let word = one_of(text, &CostsBy::ALL.map(|(name, _)| name))?;
    Ok(CostsBy::named(&word).unwrap_or(CostsBy::Day))
}

/// At most how many. More than a number of 32 bits holds is as many as it holds.
///
/// # Errors
/// When it is no whole number.
pub fn at_most(text: &str) -> Result<u32, String> {
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // All digits: what does not fit is more.
        true => Ok(text.parse().unwrap_or(u32::MAX)),
        false => Err("it must be a whole number".to_owned()),
    }
}
