//! From columns to values and back.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LedgerError;
use domain::ids::TurnId;

/// A whole column as the number it stands for.
pub(super) fn whole<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T, LedgerError> {
    T::try_from(value).map_err(|_| LedgerError::Row { column, value: value.to_string() })
}

/// Milliseconds since the epoch as an instant.
pub(super) fn instant(column: &'static str, millis: i64) -> Result<DateTime<Utc>, LedgerError> {
    DateTime::from_timestamp_millis(millis)
        .ok_or_else(|| LedgerError::Row { column, value: millis.to_string() })
}

/// The text of a turn's id as the id.
pub(super) fn turn_id(column: &'static str, text: String) -> Result<TurnId, LedgerError> {
    TurnId::parse(&text).map_err(|_| LedgerError::Row { column, value: text })
}

/// JSON text as a value.
pub(super) fn json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, LedgerError> {
    serde_json::from_str(text).map_err(|_| LedgerError::Row { column, value: text.to_owned() })
}

/// What a model said in an answer that is kept as JSON, if it can be read and said anything.
pub(super) fn said(answer: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        text: Option<String>,
    }
    serde_json::from_str::<Answer>(answer).ok()?.text
}

/// A word (an enum's name) as a value.
pub(super) fn word<T: DeserializeOwned>(column: &'static str, text: String) -> Result<T, LedgerError> {
    serde_json::from_value(Value::String(text.clone())).map_err(|_| LedgerError::Row { column, value: text })
}

/// The rows that can be read. One that cannot is told and left out: it stands in no other's way.
pub(super) fn readable<T>(
    what: &'static str,
    rows: impl IntoIterator<Item = Result<T, LedgerError>>,
) -> Result<Vec<T>, LedgerError> {
    let mut read = Vec::new();
    for row in rows {
        match row {
            Ok(row) => read.push(row),
            Err(error) if error.is_of_one_row() => {
                tracing::error!(cause = %error, hint = error.hint(), "could not {what} of one row, which is left out");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// The same of one row that may be missing.
pub(super) fn unless_unreadable<T>(
    what: &'static str,
    row: Result<T, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    Ok(readable(what, [row])?.pop())
}

/// A value as JSON text.
pub(super) fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own values have string keys and no failing serializer")
}

/// A value that is a word in JSON (an enum's name), without the quotes.
pub(super) fn word_text(value: &impl Serialize) -> String {
    json_text(value).trim_matches('"').to_owned()
}
