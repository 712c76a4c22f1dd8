//! A row for people: shown as far as it can be read, and what cannot be read is named.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::LedgerError;
use super::database::{FromCell, Row};
use super::row::{instant, json, whole};

/// A row, and what of it could not be read so far.
pub(super) struct Shown<'r> {
    row: &'r Row,
    unreadable: RefCell<Vec<String>>,
}

impl<'r> Shown<'r> {
    /// What `read` makes of a row, and what of the row it could not read.
    pub(super) fn read<T>(row: &'r Row, read: impl FnOnce(&Self) -> T) -> (T, Vec<String>) {
        let shown = Self { row, unreadable: RefCell::default() };
        (read(&shown), shown.unreadable.into_inner())
    }

    /// A text; nothing when the column has none.
    pub(super) fn text(&self, column: &'static str) -> Option<String> {
        self.value(column)
    }

    /// A text that every row has.
    pub(super) fn word(&self, column: &'static str) -> String {
        self.text(column).unwrap_or_default()
    }

    /// A whole number; nothing when the column has none.
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Option<T> {
        let number = self.value(column)?;
        self.told(whole(column, number))
    }

    /// A whole number that every row has.
    pub(super) fn count<T: TryFrom<i64> + Default>(&self, column: &'static str) -> T {
        self.number(column).unwrap_or_default()
    }

    /// An instant; nothing when the column has none.
    pub(super) fn time(&self, column: &'static str) -> Option<DateTime<Utc>> {
        let millis = self.value(column)?;
        self.told(instant(column, millis))
    }

    /// The column's JSON; when it is none, its text as it stands.
    pub(super) fn json_or_text(&self, column: &'static str) -> Option<Value> {
        let text = self.text(column)?;
        Some(self.told(json(column, &text)).unwrap_or(Value::String(text)))
    }

    /// What the column's word (an enum's name) stands for.
    pub(super) fn named<T: DeserializeOwned>(&self, column: &'static str) -> Option<T> {
        let text = self.text(column)?;
        self.told(super::row::word(column, text))
    }

    /// Whatever the column holds.
    pub(super) fn value<T: FromCell>(&self, column: &'static str) -> Option<T> {
        self.told(self.row.get::<Option<T>>(column)).flatten()
    }

    fn told<T>(&self, read: Result<T, LedgerError>) -> Option<T> {
        read.map_err(|error| self.unreadable.borrow_mut().push(error.to_string())).ok()
    }
}
