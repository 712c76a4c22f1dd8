//! A row as a value.

use std::sync::Arc;

use crate::store::LedgerError;

/// What a column of a row holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum Cell {
    /// Nothing.
    Nothing,
    /// A whole number, or a truth as 0 or 1.
    Whole(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(String),
    /// Something that no column of ours should hold, in words.
    Other(String),
}

/// What a statement gives.
#[derive(Clone, Debug)]
pub(in crate::store) struct Row {
    columns: Arc<[String]>,
    cells: Vec<Cell>,
}

/// What a cell can be read as.
pub(in crate::store) trait FromCell: Sized {
    /// The value; nothing when the cell holds something else.
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl Row {
    pub(super) fn new(columns: &Arc<[String]>, cells: Vec<Cell>) -> Self {
        Self { columns: Arc::clone(columns), cells }
    }

    /// What a column holds.
    ///
    /// # Errors
    /// When it holds something else than is asked for.
    pub(in crate::store) fn get<T: FromCell>(&self, column: &'static str) -> Result<T, LedgerError> {
        let missing = || LedgerError::Row { column, value: "no such column".to_owned() };
        let cell = self.cell(column).ok_or_else(missing)?;
        T::from_cell(cell).ok_or_else(|| LedgerError::Row { column, value: cell.words() })
    }

    /// What the column of this place holds.
    ///
    /// # Errors
    /// When it holds something else than is asked for.
    pub(in crate::store) fn at<T: FromCell>(&self, place: usize) -> Result<T, LedgerError> {
        let column = "one of all";
        let missing = || LedgerError::Row { column, value: "no such column".to_owned() };
        let cell = self.cells.get(place).ok_or_else(missing)?;
        T::from_cell(cell).ok_or_else(|| LedgerError::Row { column, value: cell.words() })
    }

    fn cell(&self, column: &str) -> Option<&Cell> {
        // Of two of one name the later one: what a statement computes follows behind `turns.*`.
        let place = self.columns.iter().rposition(|own| own == column);
        place.and_then(|place| self.cells.get(place))
    }
}

impl Cell {
    fn words(&self) -> String {
        match self {
            Self::Nothing => "null".to_owned(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) | Self::Other(text) => text.clone(),
        }
    }
}

impl FromCell for String {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromCell for i64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Whole(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromCell for f64 {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Real(number) => Some(*number),
            #[expect(clippy::cast_precision_loss, reason = "a count or an amount")]
            Cell::Whole(number) => Some(*number as Self),
            _ => None,
        }
    }
}

impl FromCell for bool {
    fn from_cell(cell: &Cell) -> Option<Self> {
        i64::from_cell(cell).map(|number| number != 0)
    }
}

impl<T: FromCell> FromCell for Option<T> {
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Nothing => Some(None),
            cell => T::from_cell(cell).map(Some),
        }
    }
}
