//! The columns of rows: which there are, and where each stands.

use super::Unusable;
use super::cell::Cell;

/// Each column that is understood. The first ones must be there.
pub(super) const COLUMNS: [&str; 20] = [
    "persona",
    "block",
    "module",
    "arm",
    "rating",
    "order",
    "phase",
    "reached",
    "tokens",
    "cost",
    "latency",
    "actions",
    "failed_actions",
    "rounds",
    "unreadable",
    "refused",
    "faulted",
    "before",
    "turn",
    "stand_in",
];
/// How many of them must be there.
const REQUIRED: usize = 5;

/// A header that was understood.
#[derive(Debug)]
pub(super) struct Columns {
    places: [Option<usize>; COLUMNS.len()],
    /// Columns that nothing is known about.
    pub(super) ignored: Vec<String>,
}

impl Columns {
    /// Reads the header.
    pub(super) fn of(header: &csv::StringRecord) -> Result<Self, Unusable> {
        let mut columns = Self { places: [None; COLUMNS.len()], ignored: Vec::new() };
        for (place, name) in header.iter().enumerate() {
            let name = name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
            match COLUMNS.iter().position(|known| *known == name) {
                None => columns.ignored.push(name),
                Some(known) if columns.places[known].is_some() => {
                    return Err(Unusable::ColumnTwice { column: name });
                }
                Some(known) => columns.places[known] = Some(place),
            }
        }
        let missing = (0..REQUIRED).find(|known| columns.places[*known].is_none());
        missing.map_or(Ok(columns), |known| {
            let has = |separator| header.iter().any(|name| name.contains(separator));
            let also = match (has(';'), has('\t')) {
                (true, _) => "; cells are parted by commas, not by semicolons",
                (_, true) => "; cells are parted by commas, not by tabs",
                _ => "",
            };
            Err(Unusable::MissingColumn { column: COLUMNS[known], also })
        })
    }

    /// The cell of a column; an absent column is empty everywhere.
    pub(super) fn cell<'a>(&self, row: &'a csv::StringRecord, line: u64, column: &'static str) -> Cell<'a> {
        let known = COLUMNS.iter().position(|known| *known == column);
        let place = known.and_then(|known| self.places[known]);
        let text = place.and_then(|place| row.get(place)).unwrap_or_default();
        Cell { line, column, text: text.trim() }
    }
}
