//! One cell of a row, and what it means.

use std::str::FromStr;

use super::Unusable;
use super::names::{is_hidden, meant};
use domain::observation::Reached;

/// A cell with its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    pub(super) line: u64,
    pub(super) column: &'static str,
    pub(super) text: &'a str,
}

impl Cell<'_> {
    /// A name, which must be there.
    pub(super) fn name(self) -> Result<String, Unusable> {
        self.maybe_name()?.ok_or_else(|| self.refused("name", "write one"))
    }

    /// The same, where nothing is unknown.
    pub(super) fn maybe_name(self) -> Result<Option<String>, Unusable> {
        self.unless_empty(|cell| match cell.text.contains(is_hidden) {
            true => Err(cell.refused("name that can be read", "take the control characters out of it")),
            false => Ok(meant(cell.text).to_owned()),
        })
    }

    /// A count, which must be there.
    pub(super) fn count(self) -> Result<u32, Unusable> {
        let digits = !self.text.is_empty() && self.text.bytes().all(|byte| byte.is_ascii_digit());
        let wanted = if digits { "whole number below 4294967296" } else { "whole number" };
        self.parsed(wanted, "count from 0")
    }

    /// The same, where nothing is unknown.
    pub(super) fn maybe_count(self) -> Result<Option<u32>, Unusable> {
        self.unless_empty(Self::count)
    }

    /// A phase; nothing is the first.
    pub(super) fn phase(self) -> Result<u32, Unusable> {
        match self.maybe_count()? {
            Some(0) => Err(self.refused("phase", "phases count from 1")),
            phase => Ok(phase.unwrap_or(1)),
        }
    }

    /// An amount, where nothing is unknown.
    pub(super) fn amount(self) -> Result<Option<f64>, Unusable> {
        self.unless_empty(|cell| {
            let amount: f64 = cell.parsed("number", AMOUNT)?;
            let sound = amount.is_finite() && amount >= 0.0;
            if sound { Ok(amount) } else { Err(cell.refused("amount from 0", AMOUNT)) }
        })
    }

    /// A rating, where nothing is a missing one.
    pub(super) fn rating(self) -> Result<Option<f64>, Unusable> {
        self.unless_empty(|cell| {
            let rating: f64 = cell.parsed(RATING, RATING_ADVICE)?;
            let sound = (1.0..=5.0).contains(&rating);
            if sound { Ok(rating) } else { Err(cell.refused(RATING, RATING_ADVICE)) }
        })
    }

    /// Yes or no, where nothing is unknown.
    pub(super) fn yes(self) -> Result<Option<bool>, Unusable> {
        self.unless_empty(|cell| match cell.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err(cell.refused("yes or no", "write true or false, or leave it empty")),
        })
    }

    /// A stage, where nothing is unknown.
    pub(super) fn reached(self) -> Result<Option<Reached>, Unusable> {
        self.unless_empty(|cell| {
            let found = Reached::ALL.into_iter().find(|reached| reached.name() == cell.text);
            found.ok_or_else(|| {
                cell.refused(
                    "stage",
                    "write assigned, started, completed, rated or parsed, or leave it empty",
                )
            })
        })
    }

    fn unless_empty<T>(self, read: impl Fn(Self) -> Result<T, Unusable>) -> Result<Option<T>, Unusable> {
        if self.text.is_empty() { Ok(None) } else { read(self).map(Some) }
    }

    fn parsed<T: FromStr>(self, wanted: &'static str, advice: &'static str) -> Result<T, Unusable> {
        self.text.parse().map_err(|_| self.refused(wanted, advice))
    }

    fn refused(self, wanted: &'static str, advice: &'static str) -> Unusable {
        let Self { line, column, text } = self;
        Unusable::Cell { line, column, found: text.to_owned(), wanted, advice }
    }
}

const AMOUNT: &str = "write it with a point and without a unit, or leave it empty if it is unknown";
const RATING: &str = "rating from 1 to 5";
const RATING_ADVICE: &str = "correct it, or leave it empty if it is missing";
