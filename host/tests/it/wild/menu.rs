//! The menu: a row for each case, by the neighbour that it comes from.

mod calls;
mod claude;
pub(crate) mod lists;
mod mana;
mod tools;
mod troubles;

use super::claude::{Part, call, wants};
use super::row::Row;

/// All rows: one of each neighbour in turn, so that no neighbour looks as if it were ill altogether, with healthy ones
/// among them; those that concern everybody for a moment come last.
pub(crate) fn rows() -> Vec<Row> {
    let healthy = (0..HEALTHY.len()).map(healthy).collect();
    let mut groups = [healthy, claude::rows(), tools::rows(), calls::rows(), mana::rows(), troubles::rows()]
        .map(|rows: Vec<Row>| rows.into_iter());
    let mut rows: Vec<Row> = groups[0].by_ref().take(8).collect();
    loop {
        let next: Vec<Row> = groups.iter_mut().filter_map(Iterator::next).collect();
        if next.is_empty() {
            break;
        }
        rows.extend(next);
    }
    rows.sort_by_key(|row| row.is_last);
    rows
}

const HEALTHY: [&str; 16] = [
    "healthy 01",
    "healthy 02",
    "healthy 03",
    "healthy 04",
    "healthy 05",
    "healthy 06",
    "healthy 07",
    "healthy 08",
    "healthy 09",
    "healthy 10",
    "healthy 11",
    "healthy 12",
    "healthy 13",
    "healthy 14",
    "healthy 15",
    "healthy 16",
];

/// A persona of whom nothing is to be told.
fn healthy(number: usize) -> Row {
    let twice = [wants([listing()]), wants([call("toolu_2", "notes_search")])];
    let row = Row::new(HEALTHY[number]).claude(twice);
    row.did([("todo.list", "ok"), ("notes.search", "ok")]).told(["done"]).rated()
}

const LISTED: [(&str, &str); 1] = [("todo.list", "ok")];

fn raw(json: &str) -> Part {
    Part::Raw(json.to_owned())
}

fn listing() -> Part {
    call("toolu_1", "todo_list")
}

/// Claude lists the tasks and says this beside it.
fn beside(name: &'static str, part: Part) -> Row {
    Row::new(name).claude([wants([part, listing()])]).did(LISTED)
}
